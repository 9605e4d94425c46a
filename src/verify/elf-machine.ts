/**
 * ELF machine codes (gABI, "e_machine") by the names that `uname -m` and file names use. Those that have no
 * code in this table are called "unknown(0x..)".
 */
const machines: Readonly<Record<number, string>> = {
  0: "none",
  2: "sparc",
  3: "386",
  4: "m68k",
  6: "386",
  8: "mips",
  15: "parisc",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  42: "sh",
  43: "sparc64",
  50: "ia64",
  62: "x86_64",
  83: "avr",
  93: "arc",
  94: "xtensa",
  164: "hexagon",
  183: "aarch64",
  190: "cuda",
  224: "amdgpu",
  243: "riscv",
  247: "bpf",
  252: "csky",
  258: "loongarch",
  0x9026: "alpha",
};

export const machineCodes = {
  x86: 3,
  i486: 6,
  mips: 8,
  ppc64: 21,
  s390: 22,
  arm: 40,
  x86_64: 62,
  hexagon: 164,
  aarch64: 183,
  cuda: 190,
  amdgpu: 224,
  riscv: 243,
  bpf: 247,
  loongarch: 258,
} as const;

/**
 * The name with class and byte order where these make another architecture of it: "riscv64", "ppc64le",
 * "mips64le", "s390" (31 bit), "x32", "loongarch64", "aarch64_be".
 */
export function machineName(code: number, wide: boolean, little: boolean): string {
  const name = machines[code] ?? `unknown(0x${code.toString(16)})`;
  switch (code) {
    case machineCodes.mips:
      return `mips${wide ? "64" : ""}${little ? "le" : ""}`;
    case machineCodes.ppc64:
      return little ? "ppc64le" : "ppc64";
    case machineCodes.s390:
      return wide ? "s390x" : "s390";
    case machineCodes.riscv:
    case machineCodes.loongarch:
      return `${name}${wide ? "64" : "32"}`;
    case machineCodes.x86_64:
      return wide ? "x86_64" : "x32";
    case machineCodes.aarch64:
      return `aarch64${wide ? "" : "_ilp32"}${little ? "" : "_be"}`;
    case machineCodes.arm:
      return little ? "arm" : "armeb";
    default:
      return name;
  }
}

const systems: Readonly<Record<number, string>> = {
  0: "sysv",
  1: "hpux",
  2: "netbsd",
  3: "gnu",
  6: "solaris",
  7: "aix",
  8: "irix",
  9: "freebsd",
  10: "tru64",
  12: "openbsd",
  64: "arm-eabi",
  97: "arm",
  255: "standalone",
};

/** The name of EI_OSABI: "sysv" and "gnu" are what Linux has, "unknown(n)" what isn't in the gABI. */
export function systemName(osabi: number): string {
  return systems[osabi] ?? `unknown(${osabi})`;
}

const types = ["none", "rel", "exec", "dyn", "core"] as const;

/** e_type; "other" for what operating systems and processors reserve for themselves. */
export type ElfType = (typeof types)[number] | "other";

export function typeName(type: number): ElfType {
  return types[type] ?? "other";
}
