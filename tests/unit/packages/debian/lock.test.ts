import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { debianFacts } from "../../../../src/packages/debian/facts.ts";
import {
  type DebianLock,
  type LockedPackage,
  parseDebianLock,
  serializeDebianLock,
} from "../../../../src/packages/debian/resolve.ts";

const hex = fc.string({
  unit: fc.constantFrom(...Array.from("0123456789abcdef")),
  minLength: 64,
  maxLength: 64,
});
const name = fc.constantFrom("libc6", "zlib1g", "libstdc++6", "python3.11-minimal", "a.b-c+d");
const locked: fc.Arbitrary<LockedPackage> = fc
  .tuple(name, hex, fc.nat(), fc.boolean())
  .map(([packageName, sha256, size, essential]) => ({
    name: packageName,
    version: "1:2.36-9+deb12u1~x",
    architecture: "arm64",
    sha256,
    size,
    filename: `pool/main/x/${packageName}.deb`,
    suite: "bookworm-security",
    component: "main",
    ...(essential && { essential: true }),
  }));
const lock: fc.Arbitrary<DebianLock> = fc
  .dictionary(
    fc.constantFrom("arm64", "amd64", "armhf"),
    fc.uniqueArray(locked, { selector: (one) => one.name }),
  )
  .map((architectures) => ({
    schema: "anyarch.debian-lock/v1",
    suite: "bookworm",
    requested: ["libc6", "zlib1g"],
    architectures: { ...architectures },
  }));

describe("the Debian lock", () => {
  it("reads what it writes, and equal locks have equal bytes", () => {
    fc.assert(
      fc.property(lock, (value) => {
        const text = serializeDebianLock(value);
        expect(serializeDebianLock(parseDebianLock(text))).toBe(text);
        const shuffled = Object.fromEntries(
          Object.entries(value.architectures)
            .reverse()
            .map(([architecture, list]) => [architecture, list.toReversed()]),
        );
        expect(serializeDebianLock({ ...value, architectures: shuffled })).toBe(text);
      }),
    );
  });

  const valid = serializeDebianLock({
    schema: "anyarch.debian-lock/v1",
    suite: "bookworm",
    requested: ["libc6"],
    architectures: {
      amd64: [
        {
          name: "libc6",
          version: "2.36-9",
          architecture: "amd64",
          sha256: "a".repeat(64),
          size: 1,
          filename: "pool/main/g/glibc/libc6.deb",
          suite: "bookworm",
          component: "main",
        },
      ],
    },
  });

  it.each([
    ["not json", "isn't JSON"],
    [valid.replace("lock/v1", "lock/v2"), "schema"],
    [valid.replace("pool/main/", "http://mirror.test/"), "filename"],
    [valid.replace("pool/main/", "pool/../../"), "filename"],
    [valid.replace("aaaa", "zzzz"), "sha256"],
    [valid.replace('"size": 1', '"size": -1'), "size"],
    [valid.replace('"size": 1', '"size": 1, "host": "x"'), "host"],
  ])("refuses what is malformed (%#)", (text, place) => {
    expect(() => parseDebianLock(text)).toThrowError(expect.objectContaining({ code: "LOCK_INVALID" }));
    expect(() => parseDebianLock(text)).toThrowError(place);
  });
});

describe("facts", () => {
  const packages = (...list: string[]): LockedPackage[] =>
    list.map((text) => {
      const [packageName = "", version = ""] = text.split(" ");
      const rest = { architecture: "amd64", sha256: "", size: 0, filename: "", suite: "", component: "" };
      return { name: packageName, version, ...rest };
    });

  it("come from the packages' versions", () => {
    const python = ["python3.11-minimal 3.11.2-6+deb12u9", "libc6 2.36-9+deb12u14"];
    expect(debianFacts(packages(...python, "python3-minimal 3.11.2-1+b1"))).toEqual({
      libc: { family: "glibc", version: "2.36" },
      python: { version: "3.11.2", executable: "/usr/bin/python3" },
    });
    expect(debianFacts(packages(...python)).python?.executable).toBe("/usr/bin/python3.11");
    expect(debianFacts(packages("nodejs 18.20.4+dfsg-1~deb12u1"))).toEqual({
      node: { version: "18.20.4", executable: "/usr/bin/node" },
    });
  });
});
