import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sourceOf } from "../../../src/verify/random-access.ts";
import { type ElfFacts, readElf } from "../../../src/verify/elf.ts";
import { rangesOfInterest, readElfHeader } from "../../../src/verify/elf-header.ts";
import { buildElf, type ElfSpec, machines } from "./elf-builder.ts";

function factsOf(spec: ElfSpec): ElfFacts {
  const facts = readElf(buildElf(spec));
  if (facts?.kind !== "elf") throw new Error(`not readable: ${JSON.stringify(facts)}`);
  return facts;
}

describe("readElf", () => {
  it.each([
    ["x86_64", { machine: machines.x86_64 }],
    ["x32", { machine: machines.x86_64, class: 32 }],
    ["aarch64", { machine: machines.aarch64 }],
    ["aarch64_be", { machine: machines.aarch64, endianness: "big" }],
    ["386", { machine: machines.x86, class: 32 }],
    ["arm", { machine: machines.arm, class: 32 }],
    ["ppc64le", { machine: machines.ppc64 }],
    ["ppc64", { machine: machines.ppc64, endianness: "big" }],
    ["s390x", { machine: machines.s390, endianness: "big" }],
    ["s390", { machine: machines.s390, class: 32, endianness: "big" }],
    ["riscv64", { machine: machines.riscv }],
    ["mips64le", { machine: machines.mips }],
    ["mips", { machine: machines.mips, class: 32, endianness: "big" }],
    ["loongarch64", { machine: machines.loongarch }],
    ["bpf", { machine: machines.bpf, type: 1 }],
    ["unknown(0x1234)", { machine: 0x1234 }],
  ] as const)("names the machine %s", (name, spec) => {
    const facts = factsOf(spec);
    expect(facts).toMatchObject({ machine: name, machineCode: spec.machine });
    expect(facts.damage).toBeUndefined();
  });

  it("reads the oldest kernel from the ABI note, of Linux only, on any machine", () => {
    for (const machine of [machines.aarch64, machines.x86_64]) {
      expect(factsOf({ machine, abi: [0, 3, 7, 0], isaNeeded: 1 }).kernel).toBe("3.7.0");
      expect(factsOf({ machine, abi: [3, 4, 0, 0] }).kernel).toBeUndefined();
      expect(factsOf({ machine }).kernel).toBeUndefined();
    }
    const big = factsOf({ machine: machines.s390, endianness: "big", abi: [0, 3, 2, 10] });
    expect(big.kernel).toBe("3.2.10");
  });

  const layouts = [
    { machine: machines.x86_64, class: 64, endianness: "little" },
    { machine: machines.s390, class: 64, endianness: "big" },
    { machine: machines.x86, class: 32, endianness: "little" },
    { machine: machines.mips, class: 32, endianness: "big" },
  ] as const;
  it.each(layouts)("reads loader, libraries, names and versions in %o", (layout) => {
    const facts = factsOf({
      ...layout,
      type: 2,
      osabi: 3,
      flags: 0x1234,
      interpreter: "/lib/ld-test.so.1",
      needed: ["libc.so.6", "libm.so.6"],
      soname: "libself.so.2",
      runpath: "$ORIGIN/../lib",
      versions: ["GLIBC_2.9", "GLIBC_2.17", "GLIBC_PRIVATE", "GLIBC_2.4.1", "OTHER_9.9"],
    });
    expect(facts).toMatchObject({
      class: layout.class,
      endianness: layout.endianness,
      type: "exec",
      osabi: "gnu",
      flags: 0x1234,
      interpreter: "/lib/ld-test.so.1",
      needed: ["libc.so.6", "libm.so.6"],
      soname: "libself.so.2",
      runpath: "$ORIGIN/../lib",
      glibc: "2.17",
    });
    expect(facts.damage).toBeUndefined();
    expect(facts.incomplete).toBeUndefined();
  });

  it("takes the older DT_RPATH where there is no DT_RUNPATH", () => {
    expect(factsOf({ machine: machines.x86_64, rpath: "/opt/lib" }).runpath).toBe("/opt/lib");
  });

  it.each([
    [1, 1],
    [3, 2],
    [4, 3],
    [8 | 1, 4],
  ])("reads x86-64 needs of %i as level %i", (isaNeeded, level) => {
    expect(factsOf({ machine: machines.x86_64, isaNeeded }).isa).toBe(level);
    expect(factsOf({ machine: machines.x86, class: 32, isaNeeded }).isa).toBe(level);
  });

  it("reads the ARM float ABI from the flags, the attributes, then the loader", () => {
    const arm = { machine: machines.arm, class: 32 } as const;
    expect(factsOf({ ...arm, flags: 0x5000400 }).armFloat).toBe("hard");
    expect(factsOf({ ...arm, flags: 0x5000200 }).armFloat).toBe("soft");
    expect(factsOf({ ...arm, flags: 0x5000000, armAttributes: [[28, 1]] }).armFloat).toBe("hard");
    expect(factsOf({ ...arm, interpreter: "/lib/ld-linux-armhf.so.3" }).armFloat).toBe("hard");
    expect(factsOf({ ...arm, interpreter: "/lib/ld-linux.so.3" }).armFloat).toBe("soft");
    expect(factsOf({ ...arm, interpreter: "/lib/ld-musl-armhf.so.1" }).armFloat).toBe("hard");
    expect(factsOf({ ...arm, interpreter: "/lib/ld-musl-arm.so.1" }).armFloat).toBe("soft");
    expect(factsOf({ ...arm, flags: 0x5000000 }).armFloat).toBe("unknown");
  });

  it.each([
    [5, 5],
    [7, 6],
    [10, 7],
    [14, 8],
    [22, 9],
  ])("reads Tag_CPU_arch %i as version %i", (tag, version) => {
    const facts = factsOf({
      machine: machines.arm,
      class: 32,
      armAttributes: [
        [6, tag],
        [7, 0x41],
        [300, 5],
      ],
    });
    expect(facts).toMatchObject({ armVersion: version, armProfile: "A" });
  });

  it("is undefined for what isn't ELF", () => {
    expect(readElf(new Uint8Array())).toBeUndefined();
    expect(readElf(new TextEncoder().encode("#!/bin/sh\n"))).toBeUndefined();
    expect(readElf(Uint8Array.of(0x7f, 0x45, 0x4c))).toBeUndefined();
  });

  it("calls a header without sense malformed, and says why", () => {
    const good = buildElf({ machine: machines.x86_64 });
    const broken = (at: number, value: number): Uint8Array => {
      const copy = good.slice();
      copy[at] = value;
      return copy;
    };
    expect(readElf(broken(4, 3))).toEqual({ kind: "malformed", why: "its class is 3, not 1 or 2" });
    expect(readElf(broken(5, 0))).toEqual({ kind: "malformed", why: "its byte order is 0, not 1 or 2" });
    expect(readElf(broken(6, 9))).toEqual({ kind: "malformed", why: "its version is 9, not 1" });
    for (const length of [4, 15, 16, 63]) {
      expect(readElf(good.subarray(0, length))).toEqual({
        kind: "malformed",
        why: "it ends inside of its header",
      });
    }
  });

  it("still tells the machine of a file that was cut off, and what is lost", () => {
    const bytes = buildElf({ machine: machines.aarch64, needed: ["libc.so.6"] });
    expect(readElf(bytes.subarray(0, 64))).toMatchObject({
      machine: "aarch64",
      damage: "the program header table lies outside of the file",
    });
    expect(readElf(bytes.subarray(0, bytes.length - 40))).toMatchObject({ machine: "aarch64", needed: [] });
    expect(readElf(bytes.subarray(0, bytes.length - 40))).toHaveProperty("damage");
  });

  it("is incomplete, not damaged, where bytes of the file weren't kept", () => {
    const bytes = buildElf({ machine: machines.aarch64, needed: ["libc.so.6"] });
    const facts = readElf(sourceOf(bytes.subarray(0, 64), bytes.length));
    expect(facts).toMatchObject({ machine: "aarch64", incomplete: true });
    expect(facts).not.toHaveProperty("damage");
  });

  it("needs of a large file only its beginning and the ranges of interest", () => {
    const bytes = buildElf({
      machine: machines.arm,
      class: 32,
      padding: 3 << 20,
      interpreter: "/lib/ld.so",
      needed: ["libc.so.6"],
      versions: ["GLIBC_2.28"],
      armAttributes: [[6, 10]],
    });
    const beginning = bytes.subarray(0, 4096);
    const kept = [{ offset: 0, length: 4096 }, ...rangesOfInterest(beginning, bytes.length)];
    const facts = readElf({
      size: bytes.length,
      read: (offset, length) =>
        kept.some((range) => offset >= range.offset && offset + length <= range.offset + range.length)
          ? bytes.subarray(offset, offset + length)
          : undefined,
    });
    expect(facts).toEqual(readElf(bytes));
    expect(facts).toMatchObject({ glibc: "2.28", armVersion: 7, needed: ["libc.so.6"] });
  });
});

describe("readElf on hostile input", () => {
  const built = [
    buildElf({
      machine: machines.x86_64,
      interpreter: "/x",
      needed: ["a"],
      versions: ["GLIBC_2.5"],
      isaNeeded: 3,
    }),
    buildElf({ machine: machines.arm, class: 32, needed: ["a"], armAttributes: [[6, 10]] }),
    buildElf({ machine: machines.s390, endianness: "big", needed: ["a"], versions: ["GLIBC_2.5"] }),
  ];
  const real = [readFileSync(process.execPath).subarray(0, 1 << 20)];

  const bounded = (bytes: Uint8Array): void => {
    const start = performance.now();
    const result = readElf(bytes);
    readElfHeader(bytes);
    rangesOfInterest(bytes, bytes.length);
    expect(performance.now() - start).toBeLessThan(500);
    expect([undefined, "elf", "malformed"]).toContain(result?.kind);
  };

  it("never throws and ends soon on mutated files", () => {
    const mutation = fc.record({
      file: fc.nat({ max: built.length - 1 }),
      changes: fc.array(fc.tuple(fc.nat({ max: 700 }), fc.oneof(fc.constant(0xff), fc.nat({ max: 255 }))), {
        maxLength: 24,
      }),
      cut: fc.option(fc.nat({ max: 700 })),
    });
    fc.assert(
      fc.property(mutation, ({ file, changes, cut }) => {
        const bytes = (built[file] ?? new Uint8Array()).slice();
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        bounded(cut === null ? bytes : bytes.subarray(0, cut));
      }),
      { numRuns: 3000 },
    );
  });

  it("never throws on a real program with a mutated beginning", () => {
    const changes = fc.array(fc.tuple(fc.nat({ max: 4096 }), fc.nat({ max: 255 })), { maxLength: 40 });
    fc.assert(
      fc.property(changes, (list) => {
        const bytes = (real[0] ?? new Uint8Array()).slice();
        for (const [at, value] of list) if (at > 5) bytes[at] = value;
        bounded(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it("never throws on noise behind the magic number", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (noise) => {
        bounded(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 1 + ((noise[0] ?? 0) % 2), 1, 1, ...noise]));
      }),
      { numRuns: 1000 },
    );
  });
});
