import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecResult } from "../../src/host/exec.ts";
import { withCleanup, type Stoppable } from "./cleanup.ts";
import { needEngine, type Engines } from "./install.ts";
import { makeMountableTempDir } from "./mounts.ts";
import { run, type RunOptions } from "./process.ts";
import { clientEnvironment, type Registry } from "./registry.ts";

export interface Podman extends Stoppable {
  /** Runs podman 4.3 with its own storage. Throws on a non-zero exit, unless `anyExit`. */
  run(args: readonly string[], options?: RunOptions): Promise<ExecResult>;
  /** What makes any `podman` in `path` use the same storage and configuration. */
  readonly env: Readonly<Record<string, string>>;
  /** For PATH. */
  readonly path: string;
}

/** containers.conf(5): runc, no cgroup manager but the kernel's, no network but the machine's. */
function containersConf(engines: Engines, directory: string): string {
  const root = engines.root("podman");
  // podman starts conmon with hardly any environment, and conmon starts podman: the scripts set the libraries up.
  const programs = { conmon_path: [engines.program("conmon")], helper_binaries_dir: [join(root, "usr/bin")] };
  const engine = {
    runtime: "runc",
    cgroup_manager: "cgroupfs",
    events_logger: "file",
    tmp_dir: join(directory, "tmp"),
    volume_path: join(directory, "volumes"),
    image_copy_tmp_dir: join(directory, "copy"),
    lock_type: "file",
    ...programs,
  };
  const containers = {
    netns: "host",
    utsns: "host",
    cgroups: "enabled",
    default_ulimits: [], // Raising a limit may be forbidden, even to root.
    seccomp_profile: join(root, "usr/share/containers/seccomp.json"),
    apparmor_profile: "unconfined",
  };
  const section = (name: string, values: object): string =>
    [
      `[${name}]`,
      ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
      "",
    ].join("\n");
  return [
    section("containers", containers),
    section("engine", engine),
    section("engine.runtimes", { runc: [engines.program("runc")] }),
    section("network", { network_backend: "cni" }),
  ].join("\n");
}

function registriesConf(registries: readonly Registry[]): string {
  const plain = registries.filter(({ tls }) => !tls);
  const entries = plain.map(({ host }) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  return [`unqualified-search-registries = []\nshort-name-mode = "disabled"\n`, ...entries].join("\n");
}

/** A podman with storage of its own (overlay), that trusts and is logged in to the given registries. Needs root. */
export async function openPodman(
  options: { readonly registries?: readonly Registry[] } = {},
): Promise<Podman> {
  const engines = await needEngine("podman");
  const registries = options.registries ?? [];
  return await withCleanup(async (own) => {
    const { path: directory } = own(await makeMountableTempDir());
    const file = (name: string): string => join(directory, name);
    await mkdir(file("home/.config/containers"), { recursive: true });
    await mkdir(file("copy"));
    const policy = { default: [{ type: "insecureAcceptAnything" }] };
    await writeFile(file("home/.config/containers/policy.json"), JSON.stringify(policy));
    const storage = `[storage]\ndriver = "overlay"\ngraphroot = "${file("root")}"\nrunroot = "${file("run")}"\n`;
    await writeFile(file("storage.conf"), storage);
    await writeFile(file("registries.conf"), registriesConf(registries));
    await writeFile(file("containers.conf"), containersConf(engines, directory));
    const env = {
      ...(await clientEnvironment(file("client"), registries)),
      HOME: file("home"),
      CONTAINERS_CONF: file("containers.conf"),
      CONTAINERS_STORAGE_CONF: file("storage.conf"),
      CONTAINERS_REGISTRIES_CONF: file("registries.conf"),
    };
    const podman = (args: readonly string[], more: RunOptions = {}): Promise<ExecResult> =>
      run(engines.program("podman"), args, { ...more, env: { ...env, ...more.env } });
    own({
      [Symbol.asyncDispose]: async () => {
        await podman(["rm", "--all", "--force", "--time", "0"], { anyExit: true });
      },
    });
    return { run: podman, env, path: engines.path };
  });
}
