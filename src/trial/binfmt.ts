import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { machineCodes } from "../verify/elf-machine.ts";

const table = "/proc/sys/fs/binfmt_misc";

/** An entry of the kernel's table of interpreters (Documentation/admin-guide/binfmt-misc.rst). */
export interface BinfmtEntry {
  readonly name: string;
  readonly interpreter: string;
  /** F: the interpreter was opened at registration, so that containers needn't hold it. */
  readonly fixed: boolean;
}

interface ElfKind {
  readonly bits: 32 | 64;
  readonly little: boolean;
  readonly machine: number;
  /** As QEMU's programs are called: qemu-aarch64. */
  readonly qemu: string;
}

const kind = (bits: 32 | 64, little: boolean, machine: number, qemu: string): ElfKind => ({
  bits,
  little,
  machine,
  qemu,
});

/** Image architecture → how its programs begin. */
const kinds: Readonly<Record<string, ElfKind>> = {
  "386": kind(32, true, machineCodes.x86, "i386"),
  amd64: kind(64, true, machineCodes.x86_64, "x86_64"),
  arm: kind(32, true, machineCodes.arm, "arm"),
  arm64: kind(64, true, machineCodes.aarch64, "aarch64"),
  loong64: kind(64, true, machineCodes.loongarch, "loongarch64"),
  mips64le: kind(64, true, machineCodes.mips, "mips64el"),
  ppc64le: kind(64, true, machineCodes.ppc64, "ppc64le"),
  riscv64: kind(64, true, machineCodes.riscv, "riscv64"),
  s390x: kind(64, false, machineCodes.s390, "s390x"),
};

/** "aarch64" for qemu-aarch64; undefined for architectures that QEMU isn't asked for here. */
export function qemuName(architecture: string): string | undefined {
  return kinds[architecture]?.qemu;
}

/** An ELF header up to e_machine (System V ABI). */
function elfHeader({ bits, little, machine }: ElfKind): Buffer {
  const header = Buffer.alloc(20);
  header.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, little ? 1 : 2, 1]);
  if (little) {
    header.writeUInt16LE(2, 16); // e_type: ET_EXEC.
    header.writeUInt16LE(machine, 18);
  } else {
    header.writeUInt16BE(2, 16);
    header.writeUInt16BE(machine, 18);
  }
  return header;
}

/**
 * What the kernel runs programs of an architecture with: "none" where nothing is registered, "unknown" where the table
 * can't be read (not Linux, not mounted).
 */
export function findBinfmt(
  architecture: string,
  directory: string = table,
): BinfmtEntry | "none" | "unknown" {
  const wanted = kinds[architecture];
  let names: readonly string[];
  try {
    names = readdirSync(directory);
    if (!names.includes("status")) return "unknown";
    if (readFileSync(join(directory, "status"), "utf8").startsWith("disabled")) return "none";
  } catch {
    return "unknown";
  }
  if (wanted === undefined) return "none";
  const header = elfHeader(wanted);
  for (const name of names) {
    if (name === "status" || name === "register") continue;
    const entry = readEntry(join(directory, name), name, header);
    if (entry !== undefined) return entry;
  }
  return "none";
}

function readEntry(path: string, name: string, header: Buffer): BinfmtEntry | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const field = (key: string): string => new RegExp(`^${key} ?(.*)$`, "m").exec(text)?.[1] ?? "";
  const magic = Buffer.from(field("magic"), "hex");
  if (!text.startsWith("enabled") || magic.length === 0) return undefined;
  const mask = Buffer.from(field("mask"), "hex");
  const offset = Number(field("offset"));
  const matches = magic.every((byte, index) => {
    const bits = mask[index] ?? 0xff;
    return (byte & bits) === ((header[index + offset] ?? 0) & bits);
  });
  if (!matches) return undefined;
  return { name, interpreter: field("interpreter"), fixed: field("flags:").includes("F") };
}

/** The line that registers an interpreter for an architecture, by magic number, with the flags POCF. */
export function binfmtLine(name: string, architecture: string, interpreter: string): string | undefined {
  const wanted = kinds[architecture];
  if (wanted === undefined) return undefined;
  const mask = Buffer.alloc(20, 0xff);
  mask[7] = 0; // The ABI version.
  mask[wanted.little ? 16 : 17] = 0xfe; // ET_EXEC and ET_DYN.
  const escape = (bytes: Buffer): string =>
    [...bytes].map((byte) => String.raw`\x` + byte.toString(16).padStart(2, "0")).join("");
  return `:${name}:M::${escape(elfHeader(wanted))}:${escape(mask)}:${interpreter}:POCF`;
}
