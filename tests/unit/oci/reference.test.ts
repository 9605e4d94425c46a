import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../../../src/oci/reference.ts";

const hex = "0123456789abcdef".repeat(4);
const digest = `sha256:${hex}` as const;

describe("parseReference", () => {
  it("splits references as Docker does", () => {
    const table: Readonly<Record<string, Reference>> = {
      python: { registry: "docker.io", repository: "library/python" },
      "python:3.11-slim": { registry: "docker.io", repository: "library/python", tag: "3.11-slim" },
      "docker.io/python": { registry: "docker.io", repository: "library/python" },
      "index.docker.io/library/python": { registry: "docker.io", repository: "library/python" },
      "myorg/myapp": { registry: "docker.io", repository: "myorg/myapp" },
      "localhost/x": { registry: "localhost", repository: "x" },
      "localhost:5000/x": { registry: "localhost:5000", repository: "x" },
      "localhost:5000/team/x:v1": { registry: "localhost:5000", repository: "team/x", tag: "v1" },
      // Without a slash, what follows the colon is a tag.
      "localhost:5000": { registry: "docker.io", repository: "library/localhost", tag: "5000" },
      "127.0.0.1:5000/x": { registry: "127.0.0.1:5000", repository: "x" },
      "[::1]:5000/x": { registry: "[::1]:5000", repository: "x" },
      "registry.example/a/b/c/d": { registry: "registry.example", repository: "a/b/c/d" },
      [`img@${digest}`]: { registry: "docker.io", repository: "library/img", digest },
      [`registry.example/img:v1@${digest}`]: {
        registry: "registry.example",
        repository: "img",
        tag: "v1",
        digest,
      },
      "UPPER/x": { registry: "UPPER", repository: "x" },
      "a/b__c.d-e--f": { registry: "docker.io", repository: "a/b__c.d-e--f" },
      "x:_Tag.1-2": { registry: "docker.io", repository: "library/x", tag: "_Tag.1-2" },
      " spaced ": { registry: "docker.io", repository: "library/spaced" },
    };
    for (const [text, wanted] of Object.entries(table)) expect(parseReference(text), text).toEqual(wanted);
  });

  it("refuses what is malformed and says why", () => {
    const table: Readonly<Record<string, RegExp>> = {
      "": /it is empty/,
      "  ": /it is empty/,
      MyApp: /lower case: myapp/,
      "registry.example/MyApp": /lower case: registry\.example\/myapp/,
      "x:": /the tag ""/,
      "x:-a": /the tag/,
      [`x:${"a".repeat(129)}`]: /the tag/,
      "x@sha256:abc": /digest/,
      [`x@md5:${hex}`]: /digest/,
      [`x@sha256:${hex.toUpperCase()}`]: /digest/,
      [hex]: /digest/,
      "a//b": /empty/,
      "/a": /empty/,
      "a/": /empty/,
      "a/.b": /name part/,
      "a/b-": /name part/,
      "a/b___c": /name part/,
      "a/b..c": /name part/,
      "a b": /name part/,
      "-a.example/x": /host/,
      "a.example:port/x": /host/,
      "https://registry.example/x": /host/,
      "[::g]/x": /host|name part/,
      [`registry.example/${"a/".repeat(128)}b`]: /255/,
    };
    for (const [text, why] of Object.entries(table)) {
      expect(() => parseReference(text), text).toThrow(
        expect.objectContaining({
          code: "REFERENCE_INVALID",
          message: expect.stringMatching(why) as unknown,
        }),
      );
    }
  });

  const component = fc.stringMatching(/^[a-z0-9]{1,4}(?:(?:\.|_|__|-{1,2})[a-z0-9]{1,3}){0,2}$/);
  const reference: fc.Arbitrary<Reference> = fc
    .record(
      {
        registry: fc.constantFrom(
          "docker.io",
          "ghcr.io",
          "localhost",
          "localhost:5000",
          "[::1]:443",
          "a.b.example",
        ),
        parts: fc.array(component, { minLength: 1, maxLength: 4 }),
        tag: fc.stringMatching(/^\w[\w.-]{0,20}$/),
        digest: fc.constantFrom(digest, `sha512:${hex}${hex}` as const),
      },
      { requiredKeys: ["registry", "parts"] },
    )
    .map(({ registry, parts, ...rest }) => {
      const path = registry === "docker.io" && parts.length === 1 ? ["library", ...parts] : parts;
      return { registry, repository: path.join("/"), ...rest };
    });

  it("reads back what it wrote, in full and as people write it", () => {
    fc.assert(
      fc.property(reference, (value) => {
        expect(parseReference(formatReference(value))).toEqual(value);
        expect(parseReference(familiarReference(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it("throws nothing but REFERENCE_INVALID, whatever the text", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "B", "0", ".", "/", ":", "@", "-", "_", "[", "]", " "),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (value) => {
        try {
          const parsed = parseReference(value);
          expect(parseReference(formatReference(parsed))).toEqual(parsed);
        } catch (error) {
          expect(error).toMatchObject({ code: "REFERENCE_INVALID" });
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("familiarReference and withDefaultTag", () => {
  it("leaves out what goes without saying", () => {
    const familiar = (text: string): string => familiarReference(parseReference(text));
    expect(familiar("docker.io/library/python:3")).toBe("python:3");
    expect(familiar("docker.io/myorg/app")).toBe("myorg/app");
    expect(familiar("ghcr.io/library/python")).toBe("ghcr.io/library/python");
    expect(familiar("docker.io/my.org/app")).toBe("docker.io/my.org/app");
    expect(familiar("docker.io/library/a/b")).toBe("library/a/b");
  });

  it("adds latest only where there is neither tag nor digest", () => {
    expect(withDefaultTag(parseReference("x")).tag).toBe("latest");
    expect(withDefaultTag(parseReference("x:1")).tag).toBe("1");
    expect(withDefaultTag(parseReference(`x@${digest}`)).tag).toBeUndefined();
  });
});
