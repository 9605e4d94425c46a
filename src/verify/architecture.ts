import { formatPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import type { ElfFacts } from "./elf.ts";
import { machineCodes } from "./elf-machine.ts";

/** In what an ELF file and a platform differ. */
export type ElfMisfit =
  | "ELF_WRONG_MACHINE"
  | "ELF_WRONG_CLASS"
  | "ELF_WRONG_ENDIANNESS"
  | "ELF_WRONG_FLOAT_ABI"
  | "ELF_WRONG_VARIANT"
  | "ELF_WRONG_OS";

export type ElfFit =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly code: ElfMisfit;
      /** "aarch64", "hard float": what the platform asks for, in the same terms as `found`. */
      readonly expected: string;
      readonly found: string;
      /** Completes "FILE …": "is for x86_64, linux/arm64 needs aarch64". */
      readonly why: string;
    };

interface Demand {
  readonly codes: readonly number[];
  readonly class: 32 | 64;
  readonly endianness: "little" | "big";
  /** As {@link ElfFacts.machine} calls it. */
  readonly name: string;
}

const { x86, i486, x86_64, aarch64, arm, ppc64, s390, riscv, mips, loongarch } = machineCodes;

/** Image architecture (GOARCH) → the ELF files that its kernel and loader take. */
const demands: Readonly<Record<string, Demand>> = {
  "386": { codes: [x86, i486], class: 32, endianness: "little", name: "386" },
  amd64: { codes: [x86_64], class: 64, endianness: "little", name: "x86_64" },
  arm: { codes: [arm], class: 32, endianness: "little", name: "arm" },
  arm64: { codes: [aarch64], class: 64, endianness: "little", name: "aarch64" },
  loong64: { codes: [loongarch], class: 64, endianness: "little", name: "loongarch64" },
  mips: { codes: [mips], class: 32, endianness: "big", name: "mips" },
  mipsle: { codes: [mips], class: 32, endianness: "little", name: "mipsle" },
  mips64: { codes: [mips], class: 64, endianness: "big", name: "mips64" },
  mips64le: { codes: [mips], class: 64, endianness: "little", name: "mips64le" },
  ppc64: { codes: [ppc64], class: 64, endianness: "big", name: "ppc64" },
  ppc64le: { codes: [ppc64], class: 64, endianness: "little", name: "ppc64le" },
  riscv64: { codes: [riscv], class: 64, endianness: "little", name: "riscv64" },
  s390x: { codes: [s390], class: 64, endianness: "big", name: "s390x" },
};

/** The name that ELF files of a platform have for its machine ("aarch64"); undefined where none is known. */
export function machineOf(platform: Platform): string | undefined {
  return demands[normalizePlatform(platform).architecture]?.name;
}

const deviceCodes: ReadonlySet<number> = new Set([
  0,
  machineCodes.bpf,
  machineCodes.cuda,
  machineCodes.amdgpu,
  machineCodes.hexagon,
]);

/** Code for graphics processors, signal processors and the kernel's BPF: in images of every platform. */
export function isDeviceCode(facts: ElfFacts): boolean {
  return deviceCodes.has(facts.machineCode);
}

/** True for what is loaded by a dynamic loader, or asks for one. */
export function isDynamic(facts: ElfFacts): boolean {
  return facts.interpreter !== undefined || facts.needed.length > 0;
}

/**
 * Whether an ELF file can run on, or be loaded by programs of, a platform: machine, word size, byte order,
 * operating system, for ARM the version and how floating-point arguments are passed, for RISC-V the latter.
 * 32-bit x86 doesn't fit linux/amd64, although kernels may run it. Platforms whose architecture isn't known
 * here take everything; ask {@link machineOf} first.
 */
export function elfFits(facts: ElfFacts, platform: Platform): ElfFit {
  const wanted = normalizePlatform(platform);
  const demand = demands[wanted.architecture];
  if (demand === undefined) {
    return wanted.architecture === "wasm"
      ? misfit("ELF_WRONG_MACHINE", platform, "wasm", facts.machine)
      : { ok: true };
  }
  if (!demand.codes.includes(facts.machineCode)) {
    return misfit("ELF_WRONG_MACHINE", platform, demand.name, facts.machine);
  }
  if (facts.class !== demand.class) {
    return misfit("ELF_WRONG_CLASS", platform, `${demand.class}-bit`, `${facts.class}-bit ${facts.machine}`);
  }
  if (facts.endianness !== demand.endianness) {
    const found = `${facts.endianness}-endian ${facts.machine}`;
    return misfit("ELF_WRONG_ENDIANNESS", platform, `${demand.endianness}-endian`, found);
  }
  return systemFits(facts, wanted) ?? abiFits(facts, wanted) ?? { ok: true };
}

function misfit(code: ElfMisfit, platform: Platform, expected: string, found: string): ElfFit {
  const why = `is for ${found}, ${formatPlatform(platform)} needs ${expected}`;
  return { ok: false, code, expected, found, why };
}

const otherSystems: ReadonlySet<string> = new Set([
  "aix",
  "freebsd",
  "hpux",
  "irix",
  "netbsd",
  "openbsd",
  "solaris",
]);

/** ELF files of Linux don't name their system, or name GNU; those of the BSDs must and do. */
function systemFits(facts: ElfFacts, platform: Platform): ElfFit | undefined {
  if (platform.os !== "linux" || !otherSystems.has(facts.osabi)) return undefined;
  return misfit("ELF_WRONG_OS", platform, "linux", facts.osabi);
}

function abiFits(facts: ElfFacts, platform: Platform): ElfFit | undefined {
  if (platform.architecture === "arm") return armFits(facts, platform);
  if (platform.architecture === "riscv64") return riscvFits(facts, platform);
  if (platform.architecture === "ppc64le" && (facts.flags & 3) === 1) {
    return misfit("ELF_WRONG_MACHINE", platform, "ELFv2 ABI", "ELFv1 ABI");
  }
  return undefined;
}

/**
 * v7 and v8 images are hard float, v5 images soft float; v6 ones are either (Alpine and Raspbian hard, others
 * soft), so there only the version decides. Static programs bring their own way of passing arguments. A file that
 * chooses its functions on loading holds code for newer processors, too, and its attributes name the newest.
 */
function armFits(facts: ElfFacts, platform: Platform): ElfFit | undefined {
  const version = Number(platform.variant?.slice(1) ?? 7);
  if (facts.armVersion !== undefined && facts.armVersion > version && facts.armChooses !== true) {
    return misfit("ELF_WRONG_VARIANT", platform, `ARMv${version} or lower`, `ARMv${facts.armVersion}`);
  }
  const float = version >= 7 ? "hard" : version <= 5 ? "soft" : undefined;
  const said = facts.armFloat === "hard" || facts.armFloat === "soft" ? facts.armFloat : undefined;
  if (float !== undefined && said !== undefined && said !== float && isLinked(facts)) {
    return misfit("ELF_WRONG_FLOAT_ABI", platform, `${float} float`, `arm ${said} float`);
  }
  return undefined;
}

function isLinked(facts: ElfFacts): boolean {
  return isDynamic(facts) || (facts.type === "dyn" && facts.soname !== undefined);
}

const riscvFloat = ["soft", "single", "double", "quad"] as const;

/** EF_RISCV_FLOAT_ABI: all Linux distributions use lp64d. */
function riscvFits(facts: ElfFacts, platform: Platform): ElfFit | undefined {
  const float = riscvFloat[(facts.flags >> 1) & 3];
  if (float === "double" || !isDynamic(facts)) return undefined;
  return misfit("ELF_WRONG_FLOAT_ABI", platform, "double float", `riscv64 ${float} float`);
}
