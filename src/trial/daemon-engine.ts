import { randomBytes } from "node:crypto";
import { release } from "node:os";
import { join } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { makeTempDir } from "../host/temp-dir.ts";
import { formatPlatform } from "../oci/platform.ts";
import { copy } from "../stores/copy.ts";
import { DockerArchiveStore } from "../stores/docker-archive-store.ts";
import { findBinfmt } from "./binfmt.ts";
import type { UsableEngine } from "./choose-engine.ts";
import { runContainer } from "./container-run.ts";
import { emulationMissing, type Execution, hostPlatform, isNative } from "./execution.ts";
import { processArguments, type ProcessEnd, type ProcessOptions } from "./trial-process.ts";
import type { Trial, TrialSource } from "./trial.ts";

/** docker's and podman's own exit codes: they failed, the command can't be run, the command isn't there. */
const engineFailed = 125;
const notExecutable = 126;
const notFound = 127;

/**
 * An image loaded into docker or podman under a name of its own, which goes with the trial. Throws TRIAL_FAILED where
 * the engine doesn't load it, EMULATION_MISSING where it is known to run no programs of the platform.
 */
export async function openDaemonTrial(
  { image, store }: TrialSource,
  engine: UsableEngine,
  ctx: Context,
): Promise<Trial> {
  const { platform } = image.descriptor;
  const execution = daemonExecution(engine, platform, ctx);
  const name = `localhost/anyarch-trial:${randomBytes(6).toString("hex")}`;
  await using temp = await makeTempDir();
  const file = join(temp.path, "image.tar");
  await using archive = new DockerArchiveStore(file);
  await copy({ from: store, to: archive, descriptor: image.descriptor, references: [name] }, ctx);
  const trial = new DaemonTrial({ engine: engine.name, name, execution, source: { image, store } }, ctx);
  try {
    await trial.load(file);
  } catch (error) {
    await trial.remove();
    throw error;
  }
  return {
    engine: engine.name,
    platform,
    execution,
    run: (options) => trial.run(options),
    addressOf: (port) => trial.addressOf(port),
    [Symbol.asyncDispose]: () => trial.remove(),
  };
}

/** The table of emulators is that of the machine where the containers run: often, but not always, this one. */
function daemonExecution(engine: UsableEngine, platform: Trial["platform"], ctx: Context): Execution {
  const machine = engine.platform ?? hostPlatform(ctx);
  if (isNative(platform, machine) !== false) return { mode: "native" };
  const address = ctx.host.env["DOCKER_HOST"] ?? ctx.host.env["CONTAINER_HOST"] ?? "unix://";
  const isHere = ctx.host.os === "linux" && address.startsWith("unix://");
  const entry = isHere ? findBinfmt(platform.architecture) : "unknown";
  if (entry === "none") {
    // Docker Desktop's machine has a kernel and a table of its own, although its socket is here.
    if (engine.kernel === release()) throw emulationMissing(platform, ctx);
    return { mode: "emulated", by: `what ${engine.name} has for it; nothing is registered here` };
  }
  if (entry === "unknown")
    return { mode: "emulated", by: `what ${engine.name} has for it (QEMU or Rosetta)` };
  return { mode: "emulated", by: `${entry.name} (binfmt_misc)` };
}

interface DaemonSetting {
  readonly engine: "docker" | "podman" | "runc";
  /** Of the loaded image. */
  readonly name: string;
  readonly execution: Execution;
  readonly source: TrialSource;
}

class DaemonTrial {
  readonly #setting: DaemonSetting;
  readonly #ctx: Context;
  #container: { readonly name: string; readonly hostNetwork: boolean } | undefined;

  constructor(setting: DaemonSetting, ctx: Context) {
    this.#setting = setting;
    this.#ctx = ctx;
  }

  async load(file: string): Promise<void> {
    const { engine } = this.#setting;
    const { code, stdout, stderr } = await this.#ctx.host.exec(engine, ["load", "--input", file], {
      signal: this.#ctx.signal,
    });
    if (code === 0) return;
    throw new AnyarchError(
      "TRIAL_FAILED",
      `${engine} can't load the image: ${stderr.trim() || stdout.trim()}`,
    );
  }

  async run(options: ProcessOptions): Promise<ProcessEnd> {
    const { engine, execution, source } = this.#setting;
    const container = `anyarch-${randomBytes(6).toString("hex")}`;
    const hostNetwork = options.network === "host";
    const args = ["run", "--name", container, ...this.#flags(options), this.#setting.name];
    const config = source.image.config.config ?? {};
    // What is to be run is worked out here, so that all engines do the same.
    const [first, ...rest] = processArguments(config, options);
    const command = options.entrypoint === undefined ? (options.command ?? []) : rest;
    if (options.entrypoint !== undefined) args.splice(-1, 0, "--entrypoint", first ?? "");
    this.#container = { name: container, hostNetwork };
    try {
      const end = await runContainer(
        {
          program: engine,
          args: [...args, ...command],
          emulated: execution.mode === "emulated",
          kill: () => void this.#quietly(["kill", container]),
          pid: () => undefined,
        },
        options,
        this.#ctx,
      );
      this.#check(end);
      return end;
    } finally {
      this.#container = undefined;
      await this.#quietly(["rm", "--force", container]);
    }
  }

  #flags(options: ProcessOptions): readonly string[] {
    const { stdin = "none", tty = false, env = {}, volumes = [], ports = [] } = options;
    const platform = formatPlatform(this.#setting.source.image.descriptor.platform);
    return [
      "--platform",
      platform,
      "--pull",
      "never",
      ...(stdin === "none" ? [] : ["--interactive"]),
      ...(tty ? ["--tty"] : []),
      ...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      ...(options.workdir === undefined ? [] : ["--workdir", options.workdir]),
      ...(options.user === undefined ? [] : ["--user", options.user]),
      ...(options.network === undefined ? [] : ["--network", options.network]),
      ...volumes.flatMap(({ source, target, readOnly }) => [
        "--volume",
        `${source}:${target}${readOnly ? ":ro" : ""}`,
      ]),
      ...ports.flatMap(({ address, host, container, protocol }) => [
        "--publish",
        `${address === undefined ? "" : `${address}:`}${host === 0 ? "" : host}:${container}/${protocol}`,
      ]),
    ];
  }

  #check({ code, stderr }: ProcessEnd): void {
    const { execution, source, engine } = this.#setting;
    const { platform } = source.image.descriptor;
    const said = stderr.trim();
    if (execution.mode === "emulated" && /exec format error/i.test(said))
      throw emulationMissing(platform, this.#ctx);
    if (code === engineFailed && said !== "") {
      throw new AnyarchError("TRIAL_FAILED", `${engine} can't start the container: ${said}`);
    }
    if (code === notFound && /executable file not found|no such file/.test(said)) {
      throw new AnyarchError("TRIAL_COMMAND_MISSING", `The image lacks the command: ${said}`);
    }
    if (code === notExecutable && /permission denied|exec format error/.test(said)) {
      throw new AnyarchError("TRIAL_NOT_EXECUTABLE", `The command can't be executed: ${said}`);
    }
  }

  async addressOf(port: number): Promise<{ readonly host: string; readonly port: number } | undefined> {
    const container = this.#container;
    if (container === undefined) return undefined;
    if (container.hostNetwork) return { host: "127.0.0.1", port };
    const { code, stdout } = await this.#ctx.host.exec(
      this.#setting.engine,
      ["port", container.name, `${port}/tcp`],
      { signal: this.#ctx.signal },
    );
    const found = code === 0 ? /^(?:.*?)([\d.]+|\[[^\]]*\]):(\d+)$/m.exec(stdout) : null;
    return found === null ? undefined : { host: "127.0.0.1", port: Number(found[2]) };
  }

  async remove(): Promise<void> {
    await this.#quietly(["rmi", "--force", this.#setting.name]);
  }

  /** Also after the end of the context: what is left has to go. */
  async #quietly(args: readonly string[]): Promise<void> {
    await this.#ctx.host.exec(this.#setting.engine, args, { timeoutMs: 60_000 }).catch(() => {});
  }
}
