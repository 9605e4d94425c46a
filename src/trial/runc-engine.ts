import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import { formatPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import type { ElfFacts } from "../verify/elf.ts";
import { binfmtLine, findBinfmt } from "./binfmt.ts";
import { runContainer } from "./container-run.ts";
import { emulationMissing, type Execution, hostPlatform, isNative, planExecution } from "./execution.ts";
import { elfOf, findProgram, programMismatch } from "./image-program.ts";
import { type ContainerUser, imageUser } from "./image-user.ts";
import { checkRights, noNamespaces } from "./no-namespaces.ts";
import { bundleConfig, type BundleSettings, type IdMapping } from "./oci-bundle.ts";
import { hasId, isNested, ownIds } from "./own-ids.ts";
import type { RootedTree } from "./rooted-tree.ts";
import { makeScratchDirectory } from "./scratch-directory.ts";
import {
  processArguments,
  processEnvironment,
  type ProcessEnd,
  type ProcessOptions,
  type VolumeMount,
} from "./trial-process.ts";
import type { Trial } from "./trial.ts";
import { whyNotRun } from "./why-not-run.ts";
import { unpackImage } from "./unpack-image.ts";

/** Of /etc/passwd and /etc/group. */
const maxTable = 4 << 20;
/** Where an emulator is seen in containers whose first process it is put in front of. */
const emulatorPath = "/dev/.anyarch-emulator";

/** An unpacked image whose containers runc runs. Throws EMULATION_MISSING and TRIAL_FAILED before anything is unpacked. */
export async function openRuncTrial(
  image: Image,
  emulator: string | undefined,
  ctx: Context,
): Promise<Trial> {
  const { platform } = image.descriptor;
  checkRights();
  const execution = await planExecution(platform, emulator, ctx);
  const scratch = await makeScratchDirectory();
  try {
    const tree = await unpackImage(image, join(scratch.path, "rootfs"), ctx);
    const trial = new RuncTrial(image, tree, { scratch: scratch.path, execution, platform }, ctx);
    return {
      engine: "runc",
      platform,
      execution,
      run: (options) => trial.run(options),
      addressOf: (port) => Promise.resolve({ host: "127.0.0.1", port }),
      [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}

interface Surroundings {
  /** Absolute; removed with the trial. */
  readonly scratch: string;
  readonly execution: Execution;
  readonly platform: Platform;
}

class RuncTrial {
  readonly #image: Image;
  readonly #tree: RootedTree;
  readonly #around: Surroundings;
  readonly #ctx: Context;
  readonly #told = new Set<string>();

  constructor(image: Image, tree: RootedTree, around: Surroundings, ctx: Context) {
    this.#image = image;
    this.#tree = tree;
    this.#around = around;
    this.#ctx = ctx;
  }

  async run(options: ProcessOptions): Promise<ProcessEnd> {
    const id = `anyarch-${randomBytes(6).toString("hex")}`;
    const bundle = join(this.#around.scratch, id);
    mkdirSync(bundle);
    writeFileSync(join(bundle, "config.json"), JSON.stringify(bundleConfig(this.#settings(options, bundle))));
    const state = join(this.#around.scratch, "state");
    const files = { pid: join(bundle, "pid"), log: join(bundle, "log") };
    const global = ["--root", state, "--log", files.log, "--log-format", "json"];
    const pid = (): number | undefined => {
      const text = existsSync(files.pid) ? readFileSync(files.pid, "utf8") : "";
      return /^\d+$/.test(text) ? Number(text) : undefined;
    };
    try {
      const end = await runContainer(
        {
          program: "runc",
          args: [...global, "run", "--pid-file", files.pid, "--bundle", bundle, id],
          emulated: this.#around.execution.mode === "emulated",
          kill: () => void this.#runc([...global, "kill", id, "KILL"]),
          pid,
        },
        options,
        this.#ctx,
      );
      const trouble = runcError(files.log);
      if (trouble !== undefined) throw (await this.#refusal(trouble)) ?? this.#failure(trouble);
      return end;
    } finally {
      // In the foreground runc removes what it made; when it was killed itself, it couldn't.
      if (existsSync(join(state, id))) await this.#runc([...global, "delete", "--force", id]);
    }
  }

  /** Also after the end of the context: what is left has to go. */
  async #runc(args: readonly string[]): Promise<void> {
    await this.#ctx.host.exec("runc", args, { timeoutMs: 30_000 }).catch(() => {});
  }

  #settings(options: ProcessOptions, bundle: string): BundleSettings {
    const config = this.#image.config.config ?? {};
    const { execution, platform } = this.#around;
    const { network = "host", volumes = [], ports = [], tty = false } = options;
    if (network !== "host" && network !== "none") {
      throw new AnyarchError("USAGE", `--network ${network} needs docker or podman: runc has host and none.`);
    }
    this.#checkPorts(ports);
    for (const { source } of volumes) checkVolume(source);
    const wanted = imageUser(options.user ?? config.User ?? "", (path) =>
      this.#tree.read(path, maxTable)?.toString("utf8"),
    );
    const namespace = this.#userNamespace();
    const isThere =
      namespace?.single !== true && hasId(ownIds("uid"), wanted.uid) && hasId(ownIds("gid"), wanted.gid);
    const user = isThere ? wanted : this.#onlyUser(wanted);
    const env = processEnvironment(config, options, wanted.home);
    const cwd = posix.resolve("/", config.WorkingDir || "/", options.workdir ?? "");
    const args = processArguments(config, options);
    const where = { path: env["PATH"] ?? "", workdir: cwd };
    // What is mounted may bring the command.
    const obstacle = volumes.length === 0 ? whyNotRun(this.#tree, args, where) : undefined;
    if (obstacle !== undefined) throw obstacle;
    const program = findProgram(this.#tree, args, where);
    const mismatch = program && programMismatch(this.#tree, program, platform);
    if (mismatch !== undefined) this.#checkForeign(elfOf(this.#tree, program?.path ?? ""), mismatch);
    const emulator = execution.mode === "emulated" ? execution.emulator : undefined;
    const inFront = emulator?.how === "prefix" && program !== undefined;
    return {
      rootfs: this.#tree.root,
      args: inFront ? [emulatorPath, ...program.words] : args,
      env,
      cwd,
      user,
      tty,
      volumes,
      network,
      nested: isNested(),
      files: this.#files(),
      ...(namespace && { userNamespace: namespace }),
      ...(emulator?.how === "namespace" && this.#registration(emulator.path, bundle)),
    };
  }

  #files(): readonly VolumeMount[] {
    const { execution } = this.#around;
    if (execution.mode === "native") return [];
    const { interpreter, emulator } = execution;
    if (interpreter !== undefined) return [{ source: interpreter, target: interpreter, readOnly: true }];
    if (emulator?.how !== "prefix") return [];
    return [{ source: emulator.path, target: emulatorPath, readOnly: true }];
  }

  /** Through a link of ours, as the line can't hold a path with a colon. */
  #registration(path: string, bundle: string): { readonly binfmtLine: string } {
    const link = join(bundle, "emulator");
    symlinkSync(path, link);
    const line = binfmtLine("anyarch", this.#around.platform.architecture, link);
    if (line === undefined) throw emulationMissing(this.#around.platform, this.#ctx);
    return { binfmtLine: line };
  }

  /** Who isn't root can be root of a namespace that has no other users. A namespace's binfmt_misc needs one, too. */
  #userNamespace():
    | { readonly uids: readonly IdMapping[]; readonly gids: readonly IdMapping[]; readonly single: boolean }
    | undefined {
    const uid = process.geteuid?.() ?? 0;
    const gid = process.getegid?.() ?? 0;
    if (uid !== 0) {
      const only = (hostID: number): readonly IdMapping[] => [{ containerID: 0, hostID, size: 1 }];
      return { uids: only(uid), gids: only(gid), single: true };
    }
    const { execution } = this.#around;
    if (execution.mode === "native" || execution.emulator?.how !== "namespace") return undefined;
    return { uids: ownIds("uid"), gids: ownIds("gid"), single: false };
  }

  #onlyUser(wanted: ContainerUser): ContainerUser {
    if (wanted.uid !== 0) {
      this.#say(
        "info",
        `The image's user ${wanted.uid} is root in this container: there is only one user here.`,
      );
    }
    return { ...wanted, uid: 0, gid: 0, additionalGids: [] };
  }

  /** A program that isn't the label's: it runs where the kernel has an emulator for it. */
  #checkForeign(facts: ElfFacts | undefined, mismatch: string): void {
    const { architecture } = normalizePlatform({ os: "linux", architecture: facts?.machine ?? "" });
    const own = isNative({ os: "linux", architecture }, hostPlatform(this.#ctx));
    if (own === false && findBinfmt(architecture) === "none")
      throw new AnyarchError("TRIAL_NOT_EXECUTABLE", `${mismatch}. No emulator for it is registered here.`);
    this.#say("warning", mismatch);
  }

  #checkPorts(ports: NonNullable<ProcessOptions["ports"]>): void {
    const other = ports.find(({ host, container }) => host !== container);
    if (other === undefined) return;
    throw new AnyarchError("USAGE", `--port ${other.host}:${other.container} needs docker or podman.`, {
      hint: `With runc the container is in this machine's network: it is reached at port ${other.container}.`,
    });
  }

  #say(level: "warning" | "info", message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#ctx.emit({ type: "log", level, message, platform: formatPlatform(this.#around.platform) });
  }

  /** What the kernel refuses runc it says in words that nobody understands: "can't get final child's PID from pipe". */
  async #refusal(trouble: string): Promise<AnyarchError | undefined> {
    if (this.#userNamespace()?.single !== true || trouble.includes("exec: ")) return undefined;
    return noNamespaces(this.#ctx);
  }

  #failure(trouble: string): AnyarchError {
    const what = trouble.replace(/^(?:runc run failed: |unable to start container process: )+/, "");
    const name = /exec: "([^"]*)"/.exec(what)?.[1] ?? "The command";
    if (/executable file not found|no such file or directory/.test(what) && what.includes("exec: ")) {
      const missing = what.includes("executable file not found")
        ? `${name} isn't in the image, or not in its PATH.`
        : `${name} isn't in the image, or what its first line or its ELF header names to run it isn't.`;
      return new AnyarchError("TRIAL_COMMAND_MISSING", missing, { details: { runc: trouble } });
    }
    if (/exec format error/.test(what)) {
      const { execution, platform } = this.#around;
      if (execution.mode === "emulated") return emulationMissing(platform, this.#ctx);
      return new AnyarchError("TRIAL_NOT_EXECUTABLE", `${name} is no program that this machine can run.`, {
        details: { runc: trouble },
      });
    }
    if (/permission denied|is a directory/.test(what) && what.includes("exec: ")) {
      return new AnyarchError(
        "TRIAL_NOT_EXECUTABLE",
        `${name} can't be executed: it isn't marked as a program.`,
        {
          details: { runc: trouble },
        },
      );
    }
    return new AnyarchError("TRIAL_FAILED", `runc can't start the container: ${what}.`, {
      details: { runc: trouble },
    });
  }
}

function checkVolume(source: string): void {
  if (existsSync(source)) return;
  throw new AnyarchError("INPUT_UNREADABLE", `--volume: there is nothing at ${source}.`);
}

/** What runc logged as an error: the container's own failures aren't there. */
function runcError(log: string): string | undefined {
  if (!existsSync(log)) return undefined;
  for (const line of readFileSync(log, "utf8").trim().split("\n").toReversed()) {
    try {
      const entry = JSON.parse(line) as { level?: string; msg?: string };
      if (entry.level === "error" && typeof entry.msg === "string") return entry.msg;
    } catch {
      // A line cut off by a kill.
    }
  }
  return undefined;
}
