import * as v from "valibot";
import type { Examination } from "../check.ts";
import { exists, said } from "../probe.ts";

const text = v.optional(v.string());
const versionSchema = v.looseObject({
  Client: v.nullish(v.looseObject({ Version: text, Os: text, Arch: text, Context: text })),
  Server: v.nullish(v.looseObject({ Version: text, Os: text, Arch: text, KernelVersion: text })),
});
const infoSchema = v.looseObject({
  Driver: text,
  DriverStatus: v.nullish(v.array(v.array(v.string()))),
  SecurityOptions: v.nullish(v.array(v.string())),
  CgroupVersion: text,
  CgroupDriver: text,
  DockerRootDir: text,
  OperatingSystem: text,
  Architecture: text,
  HttpProxy: text,
  HttpsProxy: text,
  Name: text,
});

export type DockerInfo = v.InferOutput<typeof infoSchema>;

export interface DockerContext {
  readonly name: string;
  readonly endpoint: string;
  readonly current: boolean;
}

/** What the docker command and its daemon say. */
export interface Docker {
  /** Undefined without the command. */
  readonly client?: string;
  /** Whether the command is podman's stand-in. */
  readonly podman: boolean;
  readonly server?: {
    readonly version: string;
    readonly os: string;
    readonly arch: string;
    /** Of the virtual machine, where it runs in one: "6.10.14-linuxkit". */
    readonly kernel?: string;
  };
  /** Why no server answers. */
  readonly failure?: { readonly kind: "permission" | "missing" | "refused" | "other"; readonly said: string };
  /** Where the command looks for it: "unix:///var/run/docker.sock". */
  readonly endpoint: string;
  readonly contexts: readonly DockerContext[];
  readonly info?: DockerInfo;
  /** Whether images are kept by containerd, which can hold several platforms of one. */
  readonly containerdStore: boolean;
  /** Whether it runs in a virtual machine of a desktop: "Docker Desktop", "OrbStack", "Colima", "Rancher Desktop". */
  readonly desktop?: string;
}

export async function docker(x: Examination): Promise<Docker> {
  const { probe } = x;
  const result = await probe.run("docker", ["version", "--format", "{{json .}}"]);
  if (result === undefined)
    return { podman: false, endpoint: defaultEndpoint(x), contexts: [], containerdStore: false };
  const version = parse(versionSchema, result.stdout);
  const [info, contexts, itself] = await Promise.all([
    version?.Server ? askInfo(x) : undefined,
    listContexts(x),
    // A server that hangs keeps even the client's version from coming.
    version?.Client?.Version === undefined ? said(probe, "docker", ["--version"]) : "",
  ]);
  const server = version?.Server ?? undefined;
  const failed = result.timedOut ? "nothing answered within 10 s" : result.stderr.trim();
  const endpoint = contexts.find(({ current }) => current)?.endpoint || defaultEndpoint(x);
  const socket = /^unix:\/\/(\/.*)$/.exec(endpoint)?.[1];
  // docker asks "is the daemon running?" for a socket that isn't there, too.
  const isMissing = socket !== undefined && !(await exists(probe, socket));
  const desktop = desktopOf(info?.OperatingSystem ?? "", endpoint, info?.Name ?? "");
  return {
    client: version?.Client?.Version ?? /version ([^\s,]+)/.exec(itself ?? "")?.[1] ?? "unknown",
    podman: /podman/i.test(itself ?? ""),
    ...(server && {
      server: {
        version: server.Version ?? "unknown",
        os: server.Os ?? "linux",
        arch: server.Arch ?? "unknown",
        ...(server.KernelVersion !== undefined && { kernel: server.KernelVersion }),
      },
    }),
    ...(!server && { failure: { kind: isMissing ? "missing" : kindOf(failed), said: failed } }),
    endpoint,
    contexts,
    ...(info && { info }),
    containerdStore: info?.DriverStatus?.some((row) => row.includes("io.containerd.snapshotter.v1")) === true,
    ...(desktop !== undefined && { desktop }),
  };
}

function defaultEndpoint({ probe }: Examination): string {
  return probe.env("DOCKER_HOST") || "unix:///var/run/docker.sock";
}

async function askInfo({ probe }: Examination): Promise<DockerInfo | undefined> {
  return parse(infoSchema, (await said(probe, "docker", ["info", "--format", "{{json .}}"])) ?? "");
}

async function listContexts({ probe }: Examination): Promise<readonly DockerContext[]> {
  const schema = v.looseObject({ Name: v.string(), DockerEndpoint: text, Current: v.optional(v.boolean()) });
  const lines = ((await said(probe, "docker", ["context", "ls", "--format", "json"])) ?? "").split("\n");
  return lines.flatMap((line) => {
    const found = parse(schema, line);
    if (found === undefined) return [];
    return [{ name: found.Name, endpoint: found.DockerEndpoint ?? "", current: found.Current === true }];
  });
}

function kindOf(failure: string): "permission" | "missing" | "refused" | "other" {
  if (/permission denied/i.test(failure)) return "permission";
  if (/no such file|cannot find the file/i.test(failure)) return "missing";
  if (
    /cannot connect|is the docker daemon running|connection refused|no route|i\/o timeout|nothing answered/i.test(
      failure,
    )
  )
    return "refused";
  return "other";
}

function desktopOf(system: string, endpoint: string, name: string): string | undefined {
  if (/docker desktop/i.test(system)) return "Docker Desktop";
  if (/orbstack/i.test(system + endpoint + name)) return "OrbStack";
  if (/\.?colima/i.test(endpoint + name)) return "Colima";
  if (/rancher-desktop|\.rd\//i.test(endpoint + name)) return "Rancher Desktop";
  return undefined;
}

/** Undefined for what isn't JSON of this form. */
export function parse<S extends v.GenericSchema>(schema: S, json: string): v.InferOutput<S> | undefined {
  try {
    const found = v.safeParse(schema, JSON.parse(json));
    return found.success ? found.output : undefined;
  } catch {
    return undefined;
  }
}
