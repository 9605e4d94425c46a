import type { Platform } from "../oci/platform.ts";
import type { ImageNeeds } from "../verify/image-needs.ts";

const levels: Readonly<Record<number, string>> = {
  2: "x86-64-v2 (SSE4.2, POPCNT)",
  3: "x86-64-v3 (AVX2, BMI2, FMA)",
  4: "x86-64-v4 (AVX-512)",
};

const names: Readonly<Record<string, string>> = {
  "386": "x86, 32 bit",
  ppc64le: "POWER8 or later, little-endian",
  s390x: "IBM Z",
  riscv64: "RISC-V, 64 bit",
  loong64: "LoongArch, 64 bit",
};

/** What an image needs, in words for people. */
export interface NeedWords {
  /** "ARMv7 or later, hard float". */
  readonly processor: string;
  /** The C library that is in the image: "glibc 2.36", "none: static programs". */
  readonly libc: string;
  /** Of Linux: "3.2.0 or newer". */
  readonly kernel: string;
}

export function needWords(platform: Platform, needs: ImageNeeds): NeedWords {
  const { kernel } = needs;
  return {
    processor: processorWords(platform, needs),
    libc: libcWords(needs),
    kernel: kernel === undefined ? "any that runs containers" : `${kernel} or newer`,
  };
}

function processorWords({ architecture, variant }: Platform, { isa, arm }: ImageNeeds): string {
  switch (architecture) {
    case "amd64": {
      const claimed = Number(variant?.slice(1) ?? 1);
      if (isa !== undefined && isa.level > claimed)
        return `${levels[isa.level] ?? "x86-64"}, as ${isa.path} declares`;
      return levels[claimed] ?? "x86-64: any 64-bit Intel or AMD";
    }
    case "arm64":
      return `ARM${variant ?? "v8"} or later, 64 bit`;
    case "arm": {
      const float = arm?.float === "hard" || arm?.float === "soft" ? `, ${arm.float} float` : "";
      return `ARM${variant ?? "v7"} or later${float}`;
    }
    default:
      return names[architecture] ?? architecture;
  }
}

function libcWords({ libc, linking }: ImageNeeds): string {
  if (libc.length > 0)
    return libc
      .map(({ family, version, needed }) => {
        if (version !== undefined) return `${family} ${version}`;
        return needed === undefined ? family : `${family}, ${needed} or newer`;
      })
      .join(", ");
  if (linking === "none") return "none: no programs";
  return linking === "static" ? "none: static programs" : "none";
}

/** "27 MB", "3.1 MB", "640 kB": rounded, so that a README doesn't change with every byte. */
export function sizeWords(bytes: number): string {
  const short = (value: number): string => (value < 9.95 ? value.toFixed(1) : String(Math.round(value)));
  if (bytes < 995_000) return `${Math.ceil(bytes / 1000)} kB`;
  return bytes < 999_500_000 ? `${short(bytes / 1e6)} MB` : `${short(bytes / 1e9)} GB`;
}

/** "a", "a and b", "a, b and c". */
export function list(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}
