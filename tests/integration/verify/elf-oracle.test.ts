import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { elfFits } from "../../../src/verify/architecture.ts";
import { type ElfFacts, readElf } from "../../../src/verify/elf.ts";
import { rangesOfInterest, readElfHeader } from "../../../src/verify/elf-header.ts";
import { foreignRoot, regularFiles } from "./debian-files.ts";
import { hasReadelf, readelf, type ReadelfFacts } from "./readelf.ts";

/** Debian architecture → the image platform, and how readelf calls the machine. */
const architectures = {
  arm64: ["linux/arm64", "aarch64", "AArch64"],
  armhf: ["linux/arm/v7", "arm", "ARM"],
  armel: ["linux/arm/v5", "arm", "ARM"],
  i386: ["linux/386", "386", "Intel 80386"],
  ppc64el: ["linux/ppc64le", "ppc64le", "PowerPC64"],
  s390x: ["linux/s390x", "s390x", "IBM S/390"],
  mips64el: ["linux/mips64le", "mips64le", "MIPS R3000"],
  riscv64: ["linux/riscv64", "riscv64", "RISC-V"],
} as const;

const armVersions: Readonly<Record<string, number>> = { v5T: 5, v5TE: 5, v6: 6, v7: 7, v8: 8 };

function ours(path: string): ElfFacts | undefined {
  const facts = readElf(readFileSync(path));
  if (facts?.kind === "malformed") throw new Error(`${path}: ${facts.why}`);
  return facts;
}

/** Compares all that both say; the machine's name is the caller's to compare. */
function expectSame(path: string, facts: ElfFacts, oracle: ReadelfFacts | undefined): void {
  if (oracle === undefined) throw new Error(`readelf says nothing of ${path}`);
  const { machine: _, armArchitecture, armHardFloat, type, ...rest } = oracle;
  const comparable = {
    class: facts.class,
    endianness: facts.endianness,
    flags: facts.flags,
    needed: facts.needed,
    ...(facts.interpreter !== undefined && { interpreter: facts.interpreter }),
    ...(facts.soname !== undefined && { soname: facts.soname }),
    ...(facts.runpath !== undefined && { runpath: facts.runpath }),
    ...(facts.glibc !== undefined && { glibc: facts.glibc }),
    ...(facts.glibcProvided !== undefined && { glibcProvided: facts.glibcProvided }),
    ...(facts.isa !== undefined && { isa: facts.isa }),
    ...(facts.kernel !== undefined && { kernel: facts.kernel }),
  };
  expect({ path, ...comparable }).toEqual({ path, ...rest });
  expect([path, facts.type.toUpperCase()]).toEqual([path, type]);
  expect([path, facts.damage, facts.incomplete]).toEqual([path, undefined, undefined]);
  if (armArchitecture !== undefined) {
    expect([path, facts.armVersion]).toEqual([path, armVersions[armArchitecture]]);
    expect([path, facts.armFloat]).toEqual([path, armHardFloat === true ? "hard" : "soft"]);
  }
}

describe.skipIf(!hasReadelf())("readElf against binutils' readelf", () => {
  for (const [architecture, [platform, machine, theirs]] of Object.entries(architectures)) {
    it(`says the same of Debian's ${architecture} packages, which fit ${platform} only`, (context) => {
      const found = foreignRoot(architecture);
      if (typeof found === "string") return context.skip(found);
      const files = regularFiles(found.root);
      const elf = files.flatMap((path) => {
        const facts = ours(path);
        return facts === undefined ? [] : [{ path, facts }];
      });
      expect(elf.length).toBeGreaterThan(100);
      const oracle = readelf(elf.map(({ path }) => path));
      for (const { path, facts } of elf) {
        expect([path, facts.machine]).toEqual([path, machine]);
        expect([path, oracle.get(path)?.machine]).toEqual([path, theirs]);
        expectSame(path, facts, oracle.get(path));
        for (const [other] of Object.values(architectures)) {
          const fits = elfFits(facts, parsePlatform(other)).ok;
          expect([path, other, fits]).toEqual([path, other, other === platform]);
        }
        expect(elfFits(facts, parsePlatform("linux/amd64")).ok).toBe(false);
      }
    });
  }

  it("says the same of the machine's own libraries and programs", () => {
    const paths = ownFiles().slice(0, 400);
    expect(paths.length).toBeGreaterThan(50);
    const oracle = readelf(paths);
    for (const path of paths) {
      const facts = ours(path);
      if (facts === undefined) throw new Error(`${path} isn't ELF`);
      expectSame(path, facts, oracle.get(path));
    }
  });

  it("says the same where only the ranges of interest of a file are kept", () => {
    for (const path of ownFiles().slice(0, 150)) {
      const bytes = readFileSync(path);
      // What is kept of large files, and much less for those whose code is in a segment of its own.
      const beginning = bytes.subarray(0, bytes.length > 64 << 20 ? 16 << 20 : 4096);
      const kept = [{ offset: 0, length: beginning.length }, ...rangesOfInterest(beginning, bytes.length)];
      const facts = readElf({
        size: bytes.length,
        read: (offset, length) =>
          kept.some((range) => offset >= range.offset && offset + length <= range.offset + range.length)
            ? bytes.subarray(offset, offset + length)
            : undefined,
      });
      expect([path, facts]).toEqual([path, readElf(bytes)]);
    }
  });

  it("never throws on mutated libraries, and stays quick", () => {
    const originals = ownFiles()
      .slice(0, 20)
      .map((path) => readFileSync(path).subarray(0, 1 << 20));
    const change = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 255 }));
    const spot = fc.record({
      file: fc.nat({ max: originals.length - 1 }),
      header: fc.array(fc.tuple(fc.nat({ max: 1024 }), fc.nat({ max: 255 })), { maxLength: 8 }),
      anywhere: fc.array(change, { maxLength: 64 }),
      length: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(spot, ({ file, header, anywhere, length }) => {
        const bytes = Buffer.from(originals[file] ?? []);
        for (const [at, value] of header) if (at >= 7) bytes[at] = value;
        for (const [at, value] of anywhere) {
          const place = Math.floor(at * (bytes.length - 1));
          if (place >= 7) bytes[place] = value;
        }
        const start = performance.now();
        readElf(length > 0.5 ? bytes : bytes.subarray(0, Math.floor(length * 2 * bytes.length)));
        expect(performance.now() - start).toBeLessThan(1000);
      }),
      { numRuns: 500 },
    );
  });
});

/** Programs and libraries: objects have notes without program headers, and nothing else to compare. */
function isLinked(header: ReturnType<typeof readElfHeader>): boolean {
  return header?.kind === "elf" && header.type !== "rel";
}

/** ELF files of this machine, whatever its distribution. */
function ownFiles(): string[] {
  const folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/bin"];
  const paths = folders.flatMap((folder) => {
    try {
      return readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => realpathSync(join(folder, name)))
        .filter((path) => isLinked(readElfHeader(readFileSync(path).subarray(0, 64))))
        .slice(0, 200);
    } catch {
      return [];
    }
  });
  return [...new Set(paths)];
}
