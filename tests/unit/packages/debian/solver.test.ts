import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { PackageIndex } from "../../../../src/packages/debian/package-index.ts";
import { reduceFetchedIndex, reduceIndex } from "../../../../src/packages/debian/reduce-index.ts";
import type { Release } from "../../../../src/packages/debian/release.ts";
import { solve } from "../../../../src/packages/debian/solver.ts";
import { PackageUniverse } from "../../../../src/packages/debian/universe.ts";

interface Fields {
  readonly [field: string]: string;
}

/** A Packages file of packages that are written as "name version" → fields. */
function index(packages: Readonly<Record<string, Fields>>, priority = 500): PackageIndex {
  const stanzas = Object.entries(packages).map(([key, fields]) => {
    const [name = "", version = "1"] = key.split(" ");
    const all: Fields = {
      Package: name,
      Version: version,
      Architecture: "arm64",
      Maintainer: "Nobody <nobody@example.test>",
      Priority: "optional",
      ...fields,
      Description: "a package\n with a long text",
      Filename: `pool/${name}_${version}.deb`,
      Size: "1",
      SHA256: "0".repeat(64),
    };
    return Object.entries(all)
      .map(([field, value]) => `${field}: ${value}\n`)
      .join("");
  });
  const release: Release = {
    source: { uri: "http://mirror.test/debian", suites: ["test"], components: ["main"] },
    suite: "test",
    origin: "Debian",
    architectures: ["arm64"],
    byHash: false,
    separateAll: false,
    priority,
    files: new Map(),
  };
  return { release, component: "main", text: reduceIndex(`${stanzas.join("\n")}\n`) };
}

function install(names: readonly string[], ...indices: PackageIndex[]): string[] {
  return solve(new PackageUniverse("arm64", indices), names).map((one) => `${one.name} ${one.version}`);
}

describe("choosing packages", () => {
  it("follows Depends and Pre-Depends, not Recommends, through cycles", () => {
    const packages = index({
      a: { Depends: "b (>= 1), c", Recommends: "e" },
      b: { "Pre-Depends": "d", Depends: "a" },
      c: { Architecture: "all" },
      d: {},
      e: {},
    });
    expect(install(["a"], packages)).toEqual(["a 1", "b 1", "c 1", "d 1"]);
  });

  it("takes the newest version of all suites, but not from one that isn't automatic", () => {
    const base = index({ "a 1.0": { Depends: "b" }, "b 2.0": {} });
    const security = index({ "a 1.0+deb12u1": { Depends: "c" }, c: {} });
    const experimental = index({ "a 9": {}, "only 1": {} }, 1);
    expect(install(["a", "only"], base, security, experimental)).toEqual(["a 1.0+deb12u1", "c 1", "only 1"]);
  });

  it("takes the first alternative that can be installed, and prefers what is chosen already", () => {
    const packages = index({
      a: { Depends: "missing | broken | c | d" },
      broken: { Depends: "missing (>= 2)" },
      c: {},
      d: {},
      x: { Depends: "c | d" },
    });
    expect(install(["a"], packages)).toEqual(["a 1", "c 1"]);
    expect(install(["x", "d"], packages)).toEqual(["d 1", "x 1"]);
  });

  it("ranks providers by essential and priority", () => {
    const packages = index({
      a: { Depends: "awk" },
      gawk: { Provides: "awk" },
      mawk: { Provides: "awk", Priority: "required" },
      "original-awk": { Provides: "awk" },
    });
    expect(install(["a"], packages)).toEqual(["a 1", "mawk 1"]);
    expect(() => install(["awk"], packages)).toThrowError(
      expect.objectContaining({
        code: "DEBIAN_PACKAGE_MISSING",
        hint: expect.stringContaining("gawk, mawk, original-awk"),
      }),
    );
  });

  it("lets a version be provided, but not without one", () => {
    const packages = index({
      a: { Depends: "virtual (>= 2)" },
      plain: { Provides: "virtual" },
      old: { Provides: "virtual (= 1)" },
      right: { Provides: "other, virtual (= 2.1)" },
    });
    expect(install(["a"], packages)).toEqual(["a 1", "right 1"]);
  });

  it("understands architecture qualifiers", () => {
    const packages = index({
      a: { Depends: "python:any, tool:native, lib:arm64" },
      python: { "Multi-Arch": "allowed" },
      tool: {},
      lib: { "Multi-Arch": "same" },
      b: { Depends: "tool:any" },
      c: { Depends: "lib:amd64" },
    });
    expect(install(["a"], packages)).toEqual(["a 1", "lib 1", "python 1", "tool 1"]);
    for (const name of ["b", "c"]) {
      expect(() => install([name], packages)).toThrowError(
        expect.objectContaining({ code: "DEBIAN_UNSATISFIABLE" }),
      );
    }
  });

  it("keeps packages apart that conflict or break each other", () => {
    const packages = index({
      "a 1": {},
      "b 1": { Conflicts: "a (<< 2)" },
      "c 1": { Depends: "b | d" },
      d: {},
      mta1: { Provides: "mta", Conflicts: "mta" },
      mta2: { Provides: "mta", Breaks: "mta" },
    });
    expect(() => install(["a", "b"], packages)).toThrowError(
      /b can't be installed for arm64: b conflicts with a/,
    );
    expect(install(["a", "c"], packages)).toEqual(["a 1", "c 1", "d 1"]);
    expect(install(["mta1"], packages)).toEqual(["mta1 1"]);
    expect(() => install(["mta1", "mta2"], packages)).toThrowError(/conflicts with/);
  });

  it("explains what can't be satisfied, down to the last link", () => {
    const packages = index({
      a: { Depends: "b" },
      b: { Depends: "c (>= 2)" },
      "c 1": {},
    });
    expect(() => install(["a"], packages)).toThrowError(
      "a can't be installed for arm64: a needs b, but b needs c (>= 2), but the suite has c 1.",
    );
  });

  it("suggests names that look alike", () => {
    const packages = index({ "python3-minimal": {}, python3: {} });
    expect(() => install(["python3-minima"], packages)).toThrowError(
      expect.objectContaining({
        code: "DEBIAN_PACKAGE_MISSING",
        hint: expect.stringContaining("python3-minimal"),
      }),
    );
  });
});

describe("the reduced index", () => {
  it("keeps the fields that choosing needs, with continuation lines", () => {
    const text =
      "Package: a\nTag: x,\n y\nDepends: b,\n c\nDescription: d\n more\n\n\nPackage: b\nHomepage: x";
    expect(reduceIndex(text)).toBe("Package: a\nDepends: b,\n c\n\nPackage: b\n\n");
  });

  it("is the same in whatever pieces the file is decompressed, and is checked", async () => {
    const stanza = (n: number): string =>
      `Package: p${n}\nTag: ${"x".repeat(n % 97)},\n y\nDepends: q (>= ${n}),\n r${n}\nDescription: é\n\n`;
    const text = Array.from({ length: 20_000 }, (_, n) => stanza(n)).join("");
    const bytes = Buffer.from(text, "latin1");
    const plain = { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    const url = "http://mirror.invalid/Packages.gz";
    const fetched = { body: gzipSync(bytes), compression: "gzip", url, plain } as const;
    expect(Buffer.from(await reduceFetchedIndex(fetched)).toString("latin1")).toBe(reduceIndex(text));
    const other = { ...fetched, plain: { ...plain, sha256: "0".repeat(64) } };
    await expect(reduceFetchedIndex(other)).rejects.toMatchObject({ code: "HASH_MISMATCH" });
  });
});
