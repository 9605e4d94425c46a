import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateMarker, parseMarker } from "../../../../src/packages/python/marker.ts";
import { parseRequirement } from "../../../../src/packages/python/requirement.ts";
import { markerEnvironment, type PythonTarget } from "../../../../src/packages/python/target.ts";
import { parsePlatform } from "../../../../src/oci/platform.ts";
import { askPackaging, hasPackaging } from "./packaging-oracle.ts";

function target(platform: string, python = "3.11.2"): PythonTarget {
  return {
    platform: parsePlatform(platform),
    python,
    implementation: "cpython",
    libc: { family: "glibc", version: "2.36" },
  };
}

const comparison = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("python_version", "python_full_version", "implementation_version"),
      fc.constantFrom("==", "!=", "<", "<=", ">", ">=", "~="),
      fc.constantFrom("3.8", "3.11", "3.11.2", "3.11.10", "3.9.1", "3.12"),
    )
    .map(([name, operator, value]) => `${name} ${operator} '${value}'`),
  fc
    .tuple(fc.constantFrom("3.8", "3.11", "3.12"), fc.constantFrom("<", "<=", ">", "=="))
    .map(([value, operator]) => `'${value}' ${operator} python_version`),
  fc
    .tuple(
      fc.constantFrom(
        "sys_platform",
        "platform_machine",
        "os_name",
        "platform_system",
        "implementation_name",
        "platform_python_implementation",
        "os.name",
      ),
      fc.constantFrom("==", "!=", "in", "not in"),
      fc.constantFrom(
        "linux",
        "win32",
        "aarch64",
        "x86_64 aarch64",
        "armv7l",
        "posix",
        "Linux",
        "cpython",
        "CPython",
        "darwin linux",
      ),
    )
    .map(([name, operator, value]) => `${name} ${operator} "${value}"`),
  fc
    .tuple(fc.constantFrom("==", "!="), fc.constantFrom("web", "db"))
    .map(([operator, name]) => `extra ${operator} '${name}'`),
);

const marker = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    comparison,
    fc.tuple(tie("tree"), fc.constantFrom("and", "or"), tie("tree")).map((parts) => parts.join(" ")),
    tie("tree").map((inner) => `(${inner})`),
  ),
})).tree;

describe("markers", () => {
  it.runIf(hasPackaging)("hold on a target where packaging says so for its environment", () => {
    const targets = [
      target("linux/amd64"),
      target("linux/arm64", "3.12.1"),
      target("linux/arm/v7", "3.9.18"),
    ];
    const texts = fc.sample(marker, { numRuns: 700, seed: 3 });
    const environments = targets.map((one) => ({ ...markerEnvironment(one).variables, extra: "web" }));
    const oracle = askPackaging(
      `
from pip._vendor.packaging.markers import Marker
result = [[Marker(text).evaluate(env) for env in data["environments"]] for text in data["texts"]]`,
      { texts, environments },
    );
    const ours = texts.map((text) =>
      targets.map((one) => evaluateMarker(text, markerEnvironment(one, { extras: ["Web"] }))),
    );
    expect(ours).toEqual(oracle);
  });

  it("know the machine of each platform", () => {
    const machine = (platform: string) => markerEnvironment(target(platform)).variables["platform_machine"];
    expect(
      [
        "linux/amd64",
        "linux/arm64",
        "linux/arm/v7",
        "linux/arm/v6",
        "linux/386",
        "linux/ppc64le",
        "linux/s390x",
        "linux/riscv64",
      ].map(machine),
    ).toEqual(["x86_64", "aarch64", "armv7l", "armv6l", "i686", "ppc64le", "s390x", "riscv64"]);
    expect(() => machine("windows/amd64")).toThrow(/can't be selected for windows\/amd64/);
  });

  it("judge the extras and groups of PEP 751", () => {
    const environment = markerEnvironment(target("linux/amd64"), { extras: ["My_Web"], groups: ["dev"] });
    expect(evaluateMarker("'my-web' in extras and 'dev' in dependency_groups", environment)).toBe(true);
    expect(evaluateMarker("'db' in extras or 'docs' in dependency_groups", environment)).toBe(false);
    expect(evaluateMarker("'db' not in extras", environment)).toBe(true);
  });

  it("are refused where they are malformed", () => {
    for (const bad of [
      "",
      "python_version",
      "python_version > ",
      "foo == '1'",
      "(os_name == 'x'",
      "os_name == 'x' os_name",
      "os_name = 'x'",
    ])
      expect(() => parseMarker(bad), bad).toThrow(/is not an environment marker/);
  });
});

describe("requirements", () => {
  it.runIf(hasPackaging)("are read as packaging reads them", () => {
    const texts = [
      "requests",
      "Requests[Security,tests]>=2.8.1,==2.8.*;python_version<'2.7'",
      "name (>=1, <2)",
      "a.b_c == 1.0.post1 ; (os_name == 'posix' or extra == 'x') and sys_platform != 'win32'",
      "pip @ https://index.invalid/pip-1.0-py3-none-any.whl ; python_version > '3'",
      "pip[x]@https://index.invalid/pip;v=1.zip",
      "x~=1.4.2",
      "x===weird",
    ];
    const oracle = askPackaging(
      `
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name
result = []
for text in data:
    r = Requirement(text)
    result.append([canonicalize_name(r.name), sorted(r.extras), sorted(str(s) for s in r.specifier), r.url, r.marker is not None])`,
      texts,
    );
    const ours = texts.map((text) => {
      const { name, extras, specifiers, url, marker: found } = parseRequirement(text);
      const clauses = specifiers.map((one) => `${one.operator}${one.text}${one.prefix ? ".*" : ""}`).sort();
      return [
        name,
        extras.map((extra) => (extra === "security" ? "Security" : extra)).sort(),
        clauses,
        url ?? null,
        found !== undefined,
      ];
    });
    expect(ours).toEqual(oracle);
  });

  it("are refused where they are malformed", () => {
    for (const bad of ["", "-x", "name>=", "name 1.0", "name @", "name; python_version", "name>=1;"])
      if (bad === "name>=1;") expect(parseRequirement(bad).marker).toBeUndefined();
      else expect(() => parseRequirement(bad), bad).toThrow();
  });
});
