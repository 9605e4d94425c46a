import { exitProgram } from "../../buildkit/probe-program.ts";
import type { Platform } from "../../oci/platform.ts";
import type { Examination } from "../check.ts";
import { exists, textOf } from "../probe.ts";
import { machine } from "./machine.ts";

export const binfmtTable = "/proc/sys/fs/binfmt_misc";

/** An entry of the kernel's table of interpreters (Linux, admin-guide/binfmt-misc.rst). */
export interface BinfmtEntry {
  readonly name: string;
  readonly enabled: boolean;
  readonly interpreter: string;
  /** "POCF" */
  readonly flags: string;
  readonly offset: number;
  readonly magic: Buffer;
  /** Undefined: all bits count. */
  readonly mask?: Buffer;
}

export interface Binfmt {
  /** Whether this kernel has it: its configuration or list of file systems; undefined where neither can be read. */
  readonly supported: boolean | undefined;
  readonly mounted: boolean;
  /** The table's own switch, the file "status". */
  readonly enabled: boolean;
  /** Whether it is mounted when somebody looks (systemd's proc-sys-fs-binfmt_misc.automount). */
  readonly automount: boolean;
  /** Those by magic; what goes by a file name's extension is left out. */
  readonly entries: readonly BinfmtEntry[];
}

export async function binfmt(x: Examination): Promise<Binfmt> {
  const { probe } = x;
  const [names, mounts] = await Promise.all([probe.list(binfmtTable), textOf(probe, "/proc/self/mounts")]);
  const mounted = names?.includes("register") === true;
  const status = mounted ? await textOf(probe, `${binfmtTable}/status`) : "";
  const others = mounted ? (names ?? []).filter((name) => name !== "register" && name !== "status") : [];
  const entries = await Promise.all(
    others.map(async (name) => parseEntry(name, await textOf(probe, `${binfmtTable}/${name}`))),
  );
  return {
    supported: mounted || (await isSupported(x)),
    mounted,
    enabled: status.startsWith("enabled"),
    automount: new RegExp(`^\\S+ ${binfmtTable} autofs `, "m").test(mounts),
    entries: entries.filter((entry) => entry !== undefined),
  };
}

async function isSupported(x: Examination): Promise<boolean | undefined> {
  const { probe } = x;
  const { kernel, os } = await x.fact(machine);
  if (os !== "linux") return undefined;
  if (/\bbinfmt_misc$/m.test(await textOf(probe, "/proc/filesystems"))) return true;
  const config = await textOf(probe, `/boot/config-${kernel}`);
  const setting = /^(?:# )?CONFIG_BINFMT_MISC(?:=([ym])| is not set)$/m.exec(config);
  if (setting !== null) return setting[1] !== undefined;
  const module = await probe.run("modprobe", ["-n", "binfmt_misc"]);
  if (module !== undefined) return module.code === 0;
  return (await exists(probe, "/proc/sys/fs/binfmt_misc")) ? true : undefined;
}

/** Reads the text of an entry's file; undefined for entries by extension and for what isn't one. Pure. */
export function parseEntry(name: string, text: string): BinfmtEntry | undefined {
  const field = (key: string): string | undefined =>
    new RegExp(`^${key}:? *(.*)$`, "m").exec(text)?.[1]?.trim();
  const [interpreter, magic, mask] = [field("interpreter"), field("magic"), field("mask")];
  if (interpreter === undefined || magic === undefined) return undefined;
  return {
    name,
    enabled: text.startsWith("enabled"),
    interpreter,
    flags: field("flags") ?? "",
    offset: Number(field("offset") ?? 0),
    magic: Buffer.from(magic, "hex"),
    ...(mask !== undefined && { mask: Buffer.from(mask, "hex") }),
  };
}

/** Whether the kernel would give a file that begins so to this entry; as load_misc_binary() in fs/binfmt_misc.c. Pure. */
export function matches(entry: BinfmtEntry, file: Uint8Array): boolean {
  if (entry.magic.length === 0 || entry.offset + entry.magic.length > file.length) return false;
  return entry.magic.every(
    (byte, index) => ((byte ^ (file[entry.offset + index] ?? 0)) & (entry.mask?.[index] ?? 0xff)) === 0,
  );
}

/** The entries that a platform's programs match, by the bytes of a real one and not by name. */
export function entriesFor(table: Binfmt, platform: Platform): readonly BinfmtEntry[] {
  const program = exitProgram(platform);
  return program === undefined ? [] : table.entries.filter((entry) => matches(entry, program));
}

/** The line that registers an entry again as it is; pure. */
export function registrationOf({ name, offset, magic, mask, interpreter, flags }: BinfmtEntry): string {
  const bytes = mask === undefined ? "" : escaped(mask);
  return `:${name}:M:${offset === 0 ? "" : offset}:${escaped(magic)}:${bytes}:${interpreter}:${flags}`;
}

export function escaped(bytes: Uint8Array): string {
  return [...bytes].map((byte) => String.raw`\x` + byte.toString(16).padStart(2, "0")).join("");
}
