import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  acceptablePlatforms,
  formatPlatform,
  localPlatform,
  matchPlatform,
  normalizePlatform,
  parsePlatform,
  samePlatform,
} from "../../../src/oci/platform.ts";

const invalid = expect.objectContaining({ code: "PLATFORM_INVALID" }) as unknown;

describe("parsePlatform", () => {
  it("normalises as containerd does", () => {
    const table: Readonly<Record<string, string>> = {
      "linux/amd64": "linux/amd64",
      "linux/x86_64": "linux/amd64",
      "linux/x86-64": "linux/amd64",
      "linux/amd64/v1": "linux/amd64",
      "linux/amd64/v3": "linux/amd64/v3",
      "linux/arm64": "linux/arm64",
      "linux/arm64/v8": "linux/arm64",
      "linux/arm64/8": "linux/arm64",
      "linux/aarch64": "linux/arm64",
      "linux/arm": "linux/arm/v7",
      "linux/arm/7": "linux/arm/v7",
      "linux/arm/v6": "linux/arm/v6",
      "linux/armhf": "linux/arm/v7",
      "linux/armel": "linux/arm/v6",
      "linux/armv7l": "linux/arm/v7",
      "linux/i386": "linux/386",
      "Linux/AMD64": "linux/amd64",
      "macos/arm64": "darwin/arm64",
      "windows/amd64": "windows/amd64",
      "linux/riscv64": "linux/riscv64",
      "linux/ppc64le": "linux/ppc64le",
      "linux/s390x": "linux/s390x",
      "linux/loong64": "linux/loong64",
      " linux/amd64 ": "linux/amd64",
    };
    for (const [text, wanted] of Object.entries(table))
      expect(formatPlatform(parsePlatform(text))).toBe(wanted);
  });

  it("refuses what is malformed and shows the right form", () => {
    const table: Readonly<Record<string, RegExp>> = {
      amd64: /Did you mean linux\/amd64\?/,
      "linux-amd64": /Did you mean linux\/amd64\?/,
      "linux-arm-v7": /Did you mean linux\/arm\/v7\?/,
      aarch64: /Did you mean linux\/arm64\?/,
      armhf: /Did you mean linux\/arm\/v7\?/,
      "linux/arm/v9": /linux\/arm/,
      "linux/amd64/v9": /linux\/amd64/,
      "linux/386/v1": /linux\/386/,
      "": /os\/arch/,
      "  ": /os\/arch/,
      linux: /os\/arch/,
      "linux/": /os\/arch/,
      "/amd64": /linux\/amd64/,
      "linux//v7": /os\/arch/,
      "linux/arm/v7/x": /linux\/arm\/v7/,
      "amd64/linux": /linux\/amd64/,
      "linux/sparc": /os\/arch/,
      "beos/amd64": /linux\/amd64/,
      "linux/amd64,linux/arm64": /os\/arch/,
    };
    for (const [text, hint] of Object.entries(table)) {
      expect(() => parsePlatform(text), text).toThrow(
        expect.objectContaining({ code: "PLATFORM_INVALID", hint: expect.stringMatching(hint) as unknown }),
      );
    }
  });

  it("throws nothing but PLATFORM_INVALID, whatever the text", () => {
    const part = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom("constructor", "__proto__", "valueOf", "hasOwnProperty", "linux", "arm", "v7", "amd64"),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        try {
          const platform = parsePlatform(parts.join("/"));
          expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
        } catch (error) {
          expect(error).toEqual(invalid);
        }
      }),
      { numRuns: 500 },
    );
    for (const word of ["constructor", "__proto__"]) {
      for (const text of [word, `linux/${word}`, `${word}/amd64`, `linux/arm/${word}`])
        expect(() => parsePlatform(text), text).toThrow(invalid);
    }
  });

  it("gives the same again for what it gave", () => {
    const anything = fc.record({ os: fc.string(), architecture: fc.string(), variant: fc.string() });
    fc.assert(
      fc.property(anything, (platform) => {
        const once = normalizePlatform(platform);
        expect(normalizePlatform(once)).toEqual(once);
        expect(samePlatform(platform, once)).toBe(true);
      }),
    );
  });
});

describe("matching", () => {
  const texts = (platforms: readonly { os: string; architecture: string }[]): string[] =>
    platforms.map(formatPlatform);

  it("accepts lower variants, best first", () => {
    expect(texts(acceptablePlatforms(parsePlatform("linux/arm/v7")))).toEqual([
      "linux/arm/v7",
      "linux/arm/v6",
      "linux/arm/v5",
    ]);
    expect(texts(acceptablePlatforms(parsePlatform("linux/amd64/v3")))).toEqual([
      "linux/amd64/v3",
      "linux/amd64/v2",
      "linux/amd64",
    ]);
    expect(texts(acceptablePlatforms(parsePlatform("linux/amd64")))).toEqual(["linux/amd64"]);
    expect(texts(acceptablePlatforms(parsePlatform("linux/riscv64")))).toEqual(["linux/riscv64"]);
    expect(
      texts(acceptablePlatforms(parsePlatform("linux/arm64"))).every((text) =>
        text.startsWith("linux/arm64"),
      ),
    ).toBe(true);
  });

  it("prefers the exact one, whatever the order, and never crosses architectures", () => {
    const of = (...names: string[]): { platform?: ReturnType<typeof parsePlatform>; name: string }[] => [
      { name: "none" },
      ...names.map((name) => ({ name, platform: parsePlatform(name) })),
    ];
    const match = (wanted: string, ...names: string[]): string | undefined =>
      matchPlatform(parsePlatform(wanted), of(...names))?.name;
    expect(match("linux/arm/v7", "linux/arm/v5", "linux/arm/v6", "linux/arm/v7")).toBe("linux/arm/v7");
    expect(match("linux/arm/v7", "linux/arm/v5", "linux/arm/v6")).toBe("linux/arm/v6");
    expect(match("linux/arm/v6", "linux/arm/v7")).toBeUndefined();
    expect(match("linux/amd64", "linux/amd64/v2")).toBeUndefined();
    expect(match("linux/arm64", "linux/arm/v7", "linux/amd64")).toBeUndefined();
    expect(match("linux/amd64", "windows/amd64")).toBeUndefined();
    expect(match("linux/arm64/v8", "linux/arm64")).toBe("linux/arm64");
  });
});

describe("localPlatform", () => {
  it("is that of Linux containers on the machine", () => {
    expect(formatPlatform(localPlatform("x64"))).toBe("linux/amd64");
    expect(formatPlatform(localPlatform("arm64"))).toBe("linux/arm64");
    expect(formatPlatform(localPlatform("arm", "6"))).toBe("linux/arm/v6");
    expect(formatPlatform(localPlatform("ia32"))).toBe("linux/386");
  });
});
