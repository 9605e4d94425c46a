import type { Platform } from "../../oci/platform.ts";
import { normalizePlatform } from "../../oci/platform.ts";
import { readElfHeader, readSegments, segmentTypes } from "../../verify/elf-header.ts";
import { ByteView, sourceOf } from "../../verify/random-access.ts";
import type { Examination } from "../check.ts";
import { exists, said } from "../probe.ts";
import { machine } from "./machine.ts";

/** The program that a binfmt entry names. */
export interface Interpreter {
  readonly path: string;
  readonly exists: boolean;
  /** "x86_64"; undefined for what isn't ELF or can't be read. */
  readonly machine?: string;
  /** Whether it is for the machine's own CPU; undefined where that isn't known. */
  readonly native?: boolean;
  /** Whether it needs no dynamic loader, which containers lack. */
  readonly isStatic?: boolean;
  readonly kind: "QEMU" | "Rosetta" | "other";
  /** "7.2.22", as the file says; what is registered with F may be older. */
  readonly version?: string;
}

/** Bytes that hold the program headers of any QEMU. */
const enough = 4096;

export async function examineInterpreter(path: string, x: Examination): Promise<Interpreter> {
  const kind = /rosetta/i.test(path) ? "Rosetta" : /qemu/i.test(path) ? "QEMU" : "other";
  if (!(await exists(x.probe, path))) return { path, exists: false, kind };
  const bytes = await x.probe.readBytes(path, enough);
  const header = bytes === undefined ? undefined : readElfHeader(bytes);
  if (bytes === undefined || header?.kind !== "elf") return { path, exists: true, kind };
  const { native } = await x.fact(machine);
  const isNative = sameCpu(header.machine, native);
  const version = kind === "QEMU" && isNative ? await qemuVersion(path, x) : undefined;
  return {
    path,
    exists: true,
    machine: header.machine,
    native: isNative,
    isStatic: isStatic(bytes),
    kind,
    ...(version !== undefined && { version }),
  };
}

/** "aarch64" of ELF and "arm64" of platforms. */
function sameCpu(elfMachine: string, platform: Platform): boolean {
  return normalizePlatform({ os: "linux", architecture: elfMachine }).architecture === platform.architecture;
}

function isStatic(bytes: Buffer): boolean {
  const header = readElfHeader(bytes);
  if (header?.kind !== "elf") return false;
  try {
    const view = new ByteView(sourceOf(bytes), header.endianness === "little", header.class === 64);
    return readSegments(view, header.tables).every(({ type }) => type !== segmentTypes.interpreter);
  } catch {
    return false;
  }
}

async function qemuVersion(given: string, { probe }: Examination): Promise<string | undefined> {
  // Under Debian's link NAME-binfmt-P it takes no options: it reads them as the kernel's arguments.
  const path = given.endsWith("-binfmt-P") ? await said(probe, "readlink", ["-f", given]) : given;
  if (path === undefined) return undefined;
  return /version (\d[\w.]*)/.exec((await said(probe, path, ["--version"])) ?? "")?.[1];
}

/** QEMU's own names of CPUs; undefined where it has no user-mode emulation for them that images need. Pure. */
export function qemuName({ architecture }: Platform): string | undefined {
  return names.get(architecture);
}

const names: ReadonlyMap<string, string> = new Map([
  ["386", "i386"],
  ["amd64", "x86_64"],
  ["arm", "arm"],
  ["arm64", "aarch64"],
  ["loong64", "loongarch64"],
  ["mips64", "mips64"],
  ["mips64le", "mips64el"],
  ["ppc64le", "ppc64le"],
  ["riscv64", "riscv64"],
  ["s390x", "s390x"],
]);

/** Versions of QEMU's user mode that are known to break builds, and what they break; reported in the fields' issues. */
const broken: readonly (readonly [from: string, to: string, what: string])[] = [
  ["0", "5.1.99", "it lacks system calls that today's glibc, apt and Node.js use"],
  ["5.2", "5.2.99", "builders recognise arm64 only now and then"],
  ["6.0", "6.1.99", "Java's threads fail with ENOSYS (tonistiigi/binfmt#72)"],
  ["8.1", "8.1.5", "ldconfig crashes in Ubuntu 22.04 for arm64 (docker/for-win#15004)"],
  ["9.2.0", "9.2.2", "installing libc-bin crashes (tonistiigi/binfmt#240, #245)"],
  ["10.1.3", "10.1.3", "installing libc-bin crashes (tonistiigi/binfmt#298)"],
];

/** What is known to break with a version; undefined where nothing is. Pure. */
export function brokenWith(version: string): string | undefined {
  return broken.find(([from, to]) => compare(version, from) >= 0 && compare(version, to) <= 0)?.[2];
}

/** By the numbers between dots; pure. */
export function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(".").map((part) => Number.parseInt(part, 10) || 0));
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
