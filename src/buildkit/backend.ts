import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AnyarchError, isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { runLimited } from "./run-limited.ts";

/** A client for BuildKit that is installed here. */
export interface Backend {
  readonly name: "buildx" | "buildctl";
  /** "0.29.1"; "unknown" for builds of its source, which carry none. */
  readonly version: string;
  readonly program: string;
  /** Before all other arguments: ["buildx"] for `docker buildx`. */
  readonly prefix: readonly string[];
}

const oldest = { buildx: [0, 15], buildctl: [0, 13] } as const;
const limitMs = 10_000;

/** Where Docker keeps its plugins (docker/cli, cli-plugins/manager/manager_unix.go). */
const pluginFolders = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** The user's Docker configuration directory. */
export function dockerConfigDir(ctx: Context): string {
  return ctx.host.env["DOCKER_CONFIG"] || join(ctx.host.home, ".docker");
}

/** Where the user's builders are kept. */
export function buildxConfigDir(ctx: Context): string {
  return ctx.host.env["BUILDX_CONFIG"] || join(dockerConfigDir(ctx), "buildx");
}

/**
 * The clients that can be used, the preferred one first: buildx from 0.15, buildctl from 0.13 (the first with machine
 * readable progress). `choice`, else $ANYARCH_BUILDKIT_BACKEND, allows one only. Throws BUILDER_TOOL_MISSING, which
 * says what was found and is too old.
 */
export async function findBackends(
  choice: "buildx" | "buildctl" | undefined,
  ctx: Context,
): Promise<readonly [Backend, ...Backend[]]> {
  const wanted = choice ?? chosenByEnvironment(ctx);
  const old: string[] = [];
  const candidates: Promise<Backend | undefined>[] = [];
  if (wanted !== "buildctl") candidates.push(findBuildx(ctx, old));
  if (wanted !== "buildx") candidates.push(findBuildctl(ctx, old));
  const found = (await Promise.all(candidates)).filter((backend) => backend !== undefined);
  const [first, ...others] = found;
  if (first !== undefined) return [first, ...others];
  const what = wanted ?? "Neither buildx nor buildctl";
  throw new AnyarchError(
    "BUILDER_TOOL_MISSING",
    old.length > 0
      ? `Too old: ${old.join("; ")}.`
      : wanted === undefined
        ? `${what} is installed: one of them is needed to build Dockerfiles.`
        : `${what} isn't installed.`,
    { details: { wanted: wanted ?? "any", old } },
  );
}

function chosenByEnvironment(ctx: Context): "buildx" | "buildctl" | undefined {
  const value = ctx.host.env["ANYARCH_BUILDKIT_BACKEND"];
  if (value === undefined || value === "") return undefined;
  if (value === "buildx" || value === "buildctl") return value;
  throw new AnyarchError("CONFIG_INVALID", `$ANYARCH_BUILDKIT_BACKEND is "${value}".`, {
    hint: "Set it to buildx or buildctl, or leave it away.",
  });
}

async function findBuildx(ctx: Context, old: string[]): Promise<Backend | undefined> {
  // The plugin itself rather than `docker buildx`: quicker, and it gets our signals.
  const plugin = [...ownPluginFolders(ctx), ...pluginFolders]
    .map((folder) => join(folder, "docker-buildx"))
    .find((path) => existsSync(path));
  const ways: (readonly [string, readonly string[]])[] = [
    ...(plugin === undefined ? [] : [[plugin, []] as const]),
    ["buildx", []],
    ["docker-buildx", []],
    // Last: without a plugin in one of these folders it takes its time to say that there is none.
    ["docker", ["buildx"]],
  ];
  for (const [program, prefix] of ways) {
    const said = await ask(ctx, program, [...prefix, "version"]);
    const version = said === undefined ? undefined : /buildx\S*\s+v?(\d[^\s]*)/.exec(said)?.[1];
    if (version === undefined) continue;
    const backend = { name: "buildx", version: printed(version), program, prefix } as const;
    if (await isNewEnough(backend, version, ctx)) return backend;
    old.push(`buildx ${version} (0.15 or newer is needed)`);
  }
  return undefined;
}

/** Those of the user's configuration: ~/.docker/cli-plugins, and what config.json adds. */
function ownPluginFolders(ctx: Context): readonly string[] {
  const directory = dockerConfigDir(ctx);
  let extra: unknown;
  try {
    extra = (JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as Record<string, unknown>)[
      "cliPluginsExtraDirs"
    ];
  } catch {
    // Without a configuration there are none; what is wrong with it docker will say.
  }
  const folders = Array.isArray(extra) ? extra.filter((folder) => typeof folder === "string") : [];
  return [join(directory, "cli-plugins"), ...folders];
}

async function findBuildctl(ctx: Context, old: string[]): Promise<Backend | undefined> {
  const said = await ask(ctx, "buildctl", ["--version"]);
  const version = said === undefined ? undefined : /\bv?(\d+\.\d+\.\d[^\s]*)/.exec(said)?.[1];
  if (version === undefined) return undefined;
  const backend = { name: "buildctl", version: printed(version), program: "buildctl", prefix: [] } as const;
  if (await isNewEnough(backend, version, ctx)) return backend;
  old.push(`buildctl ${version} (0.13 or newer is needed)`);
  return undefined;
}

function printed(version: string): string {
  return version.startsWith("0.0.0") ? "unknown" : version;
}

async function isNewEnough(backend: Backend, version: string, ctx: Context): Promise<boolean> {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldMajor, oldMinor] = oldest[backend.name];
  if (major !== 0 || minor !== 0) return major > oldMajor || (major === oldMajor && minor >= oldMinor);
  // Built from its source: the help tells what it can.
  const help = await ask(ctx, backend.program, [...backend.prefix, "build", "--help"]);
  return help?.includes("rawjson") === true;
}

async function ask(ctx: Context, program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout } = await runLimited(ctx, program, args, { timeoutMs: limitMs });
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (isAbort(error)) throw error;
    return undefined; // It isn't there, or isn't a program.
  }
}
