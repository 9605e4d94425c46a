import { describe, expect, it } from "vitest";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { elfFits, isDeviceCode, machineOf } from "../../../src/verify/architecture.ts";
import { type ElfFacts, readElf } from "../../../src/verify/elf.ts";
import { buildElf, type ElfSpec, machines } from "./elf-builder.ts";

function facts(spec: ElfSpec): ElfFacts {
  const read = readElf(buildElf(spec));
  if (read?.kind !== "elf") throw new Error("not ELF");
  return read;
}

const linked = { interpreter: "/lib/ld.so", needed: ["libc.so.6"] };
const hard: ElfSpec = { machine: machines.arm, class: 32, flags: 0x5000400, ...linked };
const soft: ElfSpec = { machine: machines.arm, class: 32, flags: 0x5000200, ...linked };
const version = (tag: number): Partial<ElfSpec> => ({ armAttributes: [[6, tag]] });

/** One file for each platform; each must fit its own and, but for the variants of arm, no other. */
const natives: Readonly<Record<string, ElfSpec>> = {
  "linux/amd64": { machine: machines.x86_64, ...linked },
  "linux/arm64": { machine: machines.aarch64, ...linked },
  "linux/arm/v7": { ...hard, ...version(10) },
  "linux/386": { machine: machines.x86, class: 32, ...linked },
  "linux/ppc64le": { machine: machines.ppc64, flags: 2, ...linked },
  "linux/ppc64": { machine: machines.ppc64, endianness: "big", ...linked },
  "linux/s390x": { machine: machines.s390, endianness: "big", ...linked },
  "linux/riscv64": { machine: machines.riscv, flags: 5, ...linked },
  "linux/mips64le": { machine: machines.mips, ...linked },
  "linux/mips": { machine: machines.mips, class: 32, endianness: "big", ...linked },
  "linux/loong64": { machine: machines.loongarch, ...linked },
};

describe("elfFits", () => {
  it("takes a file on its own platform and on no other", () => {
    for (const [own, spec] of Object.entries(natives)) {
      for (const other of Object.keys(natives)) {
        expect([own, other, elfFits(facts(spec), parsePlatform(other)).ok]).toEqual([
          own,
          other,
          own === other,
        ]);
      }
    }
  });

  it("takes what anyarch's platform names stand for", () => {
    expect(elfFits(facts({ machine: machines.aarch64 }), parsePlatform("linux/arm64/v8"))).toEqual({
      ok: true,
    });
    expect(elfFits(facts({ machine: machines.x86_64 }), parsePlatform("linux/amd64/v3"))).toEqual({
      ok: true,
    });
  });

  it.each([
    [
      "linux/arm64",
      { machine: machines.x86_64 },
      "ELF_WRONG_MACHINE",
      "is for x86_64, linux/arm64 needs aarch64",
    ],
    [
      "linux/amd64",
      { machine: machines.x86, class: 32 },
      "ELF_WRONG_MACHINE",
      "is for 386, linux/amd64 needs x86_64",
    ],
    [
      "linux/amd64",
      { machine: machines.x86_64, class: 32 },
      "ELF_WRONG_CLASS",
      "is for 32-bit x32, linux/amd64 needs 64-bit",
    ],
    [
      "linux/arm64",
      { machine: machines.aarch64, endianness: "big" },
      "ELF_WRONG_ENDIANNESS",
      "is for big-endian aarch64_be, linux/arm64 needs little-endian",
    ],
    [
      "linux/mips64le",
      { machine: machines.mips, class: 32 },
      "ELF_WRONG_CLASS",
      "is for 32-bit mipsle, linux/mips64le needs 64-bit",
    ],
    [
      "linux/amd64",
      { machine: machines.x86_64, osabi: 9 },
      "ELF_WRONG_OS",
      "is for freebsd, linux/amd64 needs linux",
    ],
    ["linux/arm/v7", soft, "ELF_WRONG_FLOAT_ABI", "is for arm soft float, linux/arm/v7 needs hard float"],
    ["linux/arm/v5", hard, "ELF_WRONG_FLOAT_ABI", "is for arm hard float, linux/arm/v5 needs soft float"],
    [
      "linux/arm/v6",
      { ...hard, ...version(10) },
      "ELF_WRONG_VARIANT",
      "is for ARMv7, linux/arm/v6 needs ARMv6 or lower",
    ],
    [
      "linux/arm/v5",
      { ...soft, ...version(6) },
      "ELF_WRONG_VARIANT",
      "is for ARMv6, linux/arm/v5 needs ARMv5 or lower",
    ],
    [
      "linux/riscv64",
      { machine: machines.riscv, flags: 1, ...linked },
      "ELF_WRONG_FLOAT_ABI",
      "is for riscv64 soft float, linux/riscv64 needs double float",
    ],
    [
      "linux/ppc64le",
      { machine: machines.ppc64, flags: 1 },
      "ELF_WRONG_MACHINE",
      "is for ELFv1 ABI, linux/ppc64le needs ELFv2 ABI",
    ],
  ] as const)("refuses on %s what is %o", (platform, spec, code, why) => {
    expect(elfFits(facts(spec), parsePlatform(platform))).toMatchObject({ ok: false, code, why });
  });

  it("takes lower ARM versions, both float ABIs on v6, and static programs of either", () => {
    const v6 = parsePlatform("linux/arm/v6");
    expect(elfFits(facts({ ...hard, ...version(7) }), v6).ok).toBe(true);
    expect(elfFits(facts({ ...soft, ...version(4) }), v6).ok).toBe(true);
    expect(elfFits(facts({ ...hard, ...version(9) }), parsePlatform("linux/arm/v7")).ok).toBe(true);
    expect(elfFits(facts({ ...hard, ...version(10) }), parsePlatform("linux/arm/v8")).ok).toBe(true);
    const { interpreter: _, needed: __, ...staticSoft } = soft as ElfSpec & typeof linked;
    expect(elfFits(facts({ ...staticSoft, type: 2 }), parsePlatform("linux/arm/v7")).ok).toBe(true);
  });

  it("takes a library with code for newer processors where it chooses on loading: Debian's armel libatomic", () => {
    const v6 = parsePlatform("linux/arm/v6");
    const library = { ...soft, ...version(10), osabi: 3 };
    expect(elfFits(facts({ ...library, symbols: [0, 0x12, 0x1a] }), v6).ok).toBe(true);
    expect(elfFits(facts({ ...library, symbols: [0, 0x12, 0x1a], endianness: "big" }), v6).ok).toBe(false);
    // Only functions of that kind count, and not what any other system's files hold.
    expect(elfFits(facts({ ...library, symbols: [0, 0x12, 0xa2] }), v6).ok).toBe(false);
    expect(elfFits(facts({ ...library, symbols: [0, 0x1a], osabi: 0 }), v6).ok).toBe(false);
    expect(elfFits(facts(library), v6).ok).toBe(false);
  });

  it("takes no ELF in a wasm image and everything where it doesn't know the architecture", () => {
    expect(elfFits(facts({ machine: machines.x86_64 }), parsePlatform("linux/wasm")).ok).toBe(false);
    const unknown = { os: "linux", architecture: "sparc64" };
    expect(machineOf(unknown)).toBeUndefined();
    expect(elfFits(facts({ machine: machines.x86_64 }), unknown).ok).toBe(true);
  });

  it("knows code that isn't for the CPU", () => {
    expect(isDeviceCode(facts({ machine: machines.bpf, type: 1 }))).toBe(true);
    expect(isDeviceCode(facts({ machine: 224 }))).toBe(true);
    expect(isDeviceCode(facts({ machine: machines.x86_64 }))).toBe(false);
  });
});
