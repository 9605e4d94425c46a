import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { basename, delimiter, join, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, localPlatform, type Platform } from "../oci/platform.ts";
import { isElf } from "../verify/elf-header.ts";
import { readElf } from "../verify/elf.ts";
import { findBinfmt, qemuName } from "./binfmt.ts";

/** How this machine runs programs of a platform. */
export type Execution =
  | { readonly mode: "native" }
  | {
      readonly mode: "emulated";
      /** For people: "qemu-aarch64 (binfmt_misc)". */
      readonly by: string;
      /** A file that must be in the container under its own path: an interpreter that the kernel opens there. */
      readonly interpreter?: string;
      /** An emulator that is registered for the container alone, or put in front of its first process. */
      readonly emulator?: { readonly path: string; readonly how: "namespace" | "prefix" };
    };

/** The platform of containers on this machine. */
export function hostPlatform(ctx: Context): Platform {
  return localPlatform(ctx.host.arch);
}

/** True where a machine's own CPU runs programs of the platform. 32-bit ARM on arm64 depends on the CPU: "maybe". */
export function isNative(platform: Platform, host: Platform): boolean | "maybe" {
  if (platform.architecture === host.architecture) return true;
  if (host.architecture === "amd64" && platform.architecture === "386") return true;
  return host.architecture === "arm64" && platform.architecture === "arm" ? "maybe" : false;
}

/**
 * How a container of the platform runs here, without docker. An `emulator` given counts before all else; then what the
 * kernel has registered; then QEMU's static program in PATH. Throws EMULATION_MISSING with how to get it.
 */
export async function planExecution(
  platform: Platform,
  emulator: string | undefined,
  ctx: Context,
): Promise<Execution> {
  if (emulator !== undefined) {
    checkName(emulator, platform);
    return withEmulator(resolve(ctx.host.cwd, emulator), ctx);
  }
  const native = isNative(platform, hostPlatform(ctx));
  if (native === true) return { mode: "native" };
  const entry = findBinfmt(platform.architecture);
  if (typeof entry === "object") {
    const by = `${entry.name} (binfmt_misc)`;
    if (entry.fixed) return { mode: "emulated", by };
    if (existsSync(entry.interpreter)) return { mode: "emulated", by, interpreter: entry.interpreter };
  }
  if (native === "maybe") return { mode: "native" };
  const found = findEmulator(platform.architecture, ctx.host.env["PATH"] ?? "");
  if (found !== undefined) return withEmulator(found, ctx);
  if (entry === "unknown") return { mode: "emulated", by: "whatever the kernel has registered" };
  throw emulationMissing(platform, ctx, typeof entry === "object" ? entry.interpreter : undefined);
}

async function withEmulator(path: string, ctx: Context): Promise<Execution> {
  checkEmulator(path);
  const how = (await hasPrivateBinfmt(ctx)) ? "namespace" : "prefix";
  return { mode: "emulated", by: path, emulator: { path, how } };
}

/** QEMU's programs say in their names what they emulate, and fail with "Invalid ELF image" on anything else. */
function checkName(path: string, platform: Platform): void {
  const wanted = qemuName(platform.architecture);
  const named = /^qemu-(\w+?)(?:-static)?$/.exec(basename(path))?.[1];
  if (named === undefined || wanted === undefined || named === wanted) return;
  throw new AnyarchError(
    "USAGE",
    `The emulator ${path} is for ${named}, and the image is ${formatPlatform(platform)}.`,
    { hint: `QEMU for it is called qemu-${wanted}-static.` },
  );
}

function checkEmulator(path: string): void {
  let start: Buffer;
  try {
    accessSync(path, constants.X_OK);
    start = readFileSync(path);
  } catch (error) {
    throw new AnyarchError("INPUT_UNREADABLE", `The emulator ${path} isn't there, or can't be executed.`, {
      cause: error,
    });
  }
  if (isStatic(start)) return;
  throw new AnyarchError("EMULATION_MISSING", `The emulator ${path} isn't a statically linked program.`, {
    hint: "In the container its libraries wouldn't be there. Use a qemu-*-static of the package qemu-user-static.",
  });
}

function isStatic(bytes: Buffer): boolean {
  if (!isElf(bytes)) return false;
  const facts = readElf(bytes);
  return facts !== undefined && facts.kind === "elf" && facts.interpreter === undefined;
}

function findEmulator(architecture: string, path: string): string | undefined {
  const name = qemuName(architecture);
  if (name === undefined) return undefined;
  for (const program of [`qemu-${name}-static`, `qemu-${name}`]) {
    for (const directory of path.split(delimiter)) {
      const file = join(directory, program);
      if (directory === "" || !existsSync(file)) continue;
      if (isStatic(readFileSync(file))) return file;
    }
  }
  return undefined;
}

/** Since Linux 6.7 a user namespace may have a table of its own: then children of the first process are emulated too. */
async function hasPrivateBinfmt(ctx: Context): Promise<boolean> {
  const mount = "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc";
  try {
    const args = ["--user", "--map-root-user", "--mount", "--", "sh", "-c", mount];
    return (await ctx.host.exec("unshare", args, { signal: ctx.signal })).code === 0;
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING") return false;
    throw error;
  }
}

/** What to say where programs of a platform can't be run. */
export function emulationMissing(platform: Platform, ctx: Context, absent?: string): AnyarchError {
  const name = qemuName(platform.architecture);
  const host = formatPlatform(hostPlatform(ctx));
  const why =
    absent === undefined
      ? "no emulator for it is registered in the kernel (binfmt_misc)"
      : `the emulator that is registered for it, ${absent}, isn't there`;
  return new AnyarchError(
    "EMULATION_MISSING",
    `Programs of ${formatPlatform(platform)} don't run on this ${host} machine: ${why}.`,
    {
      hint:
        name === undefined
          ? "Run the image on a machine of its own architecture."
          : [
              "Any of these helps:",
              "- apt-get install qemu-user-static binfmt-support (Debian, Ubuntu), dnf install qemu-user-static (Fedora): for all containers",
              "- docker run --privileged --rm tonistiigi/binfmt --install all: for all containers, until the next boot",
              `- --emulator /path/of/qemu-${name}-static: for this run alone, without root`,
            ].join("\n"),
      details: { platform: formatPlatform(platform), host },
    },
  );
}
