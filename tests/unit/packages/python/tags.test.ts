import { describe, expect, it } from "vitest";
import { parsePlatform } from "../../../../src/oci/platform.ts";
import { compatibleTags, platformTags, tagRanks } from "../../../../src/packages/python/tags.ts";
import type { PythonTarget } from "../../../../src/packages/python/target.ts";
import { bestTag, compareBuilds, parseWheelName } from "../../../../src/packages/python/wheel-filename.ts";
import { askPackaging, hasPackaging } from "./packaging-oracle.ts";

function target(platform: string, libc: PythonTarget["libc"], python = "3.11.2"): PythonTarget {
  return { platform: parsePlatform(platform), python, implementation: "cpython", libc };
}

const glibc = (version: string) => ({ family: "glibc" as const, version });
const musl = (version: string) => ({ family: "musl" as const, version });

/** packaging's tags for an interpreter, a machine and a C library other than its own. */
const oracle = `
import sysconfig, os
from pip._vendor.packaging import tags, _manylinux, _musllinux
result = []
for case in data:
    machine, family, major, minor = case["machine"], case["family"], *case["version"]
    sysconfig.get_platform = lambda: "linux-" + machine
    tags._32_BIT_INTERPRETER = machine in ("armv7l", "i686")
    _manylinux._get_glibc_version = lambda: (major, minor) if family == "glibc" else (-1, -1)
    _manylinux._have_compatible_abi = lambda *a: True
    _manylinux._is_compatible = lambda *a: True if family != "glibc" else (a[-1] <= (major, minor))
    _musllinux._get_musl_version = lambda *a: _musllinux._MuslVersion(major, minor) if family == "musl" else None
    platforms = list(tags._linux_platforms(is_32bit=machine in ("armv7l", "i686")))
    if family == "musl": platforms = [p for p in platforms if not p.startswith("manylinux")]
    python = tuple(case["python"])
    interpreter = "cp%d%d" % python
    found = list(tags.cpython_tags(python, [interpreter], platforms)) + list(tags.compatible_tags(python, interpreter, platforms))
    result.append([str(tag) for tag in found])
`;

describe("tags", () => {
  it.runIf(hasPackaging)("are packaging's, in its order", () => {
    const cases = [
      ["linux/amd64", "x86_64", glibc("2.36"), "3.11.2"],
      ["linux/amd64", "x86_64", glibc("2.28"), "3.13.0"],
      ["linux/arm64", "aarch64", glibc("2.36"), "3.11.2"],
      ["linux/arm/v7", "armv7l", glibc("2.36"), "3.11.2"],
      ["linux/386", "i686", glibc("2.31"), "3.9.2"],
      ["linux/ppc64le", "ppc64le", glibc("2.36"), "3.11.2"],
      ["linux/s390x", "s390x", glibc("2.36"), "3.11.2"],
      ["linux/amd64", "x86_64", musl("1.2"), "3.12.1"],
      ["linux/arm64", "aarch64", musl("1.2"), "3.11.2"],
    ] as const;
    const expected = askPackaging(
      oracle,
      cases.map(([, machine, libc, python]) => ({
        machine,
        family: libc.family,
        version: libc.version.split(".").map(Number),
        python: python.split(".").slice(0, 2).map(Number),
      })),
    ) as readonly (readonly string[])[];
    for (const [index, [platform, , libc, python]] of cases.entries())
      expect(compatibleTags(target(platform, libc, python)), `${platform} ${libc.version}`).toEqual(
        expected[index],
      );
  });

  it("of ARMv6 are its own only: manylinux on ARM means ARMv7", () => {
    expect(platformTags(target("linux/arm/v6", glibc("2.36")))).toEqual(["linux_armv6l"]);
    expect(platformTags(target("linux/arm/v7", glibc("2.36")))).toContain("manylinux_2_31_armv7l");
    expect(platformTags(target("linux/arm/v7", glibc("2.36")))).toContain("manylinux2014_armv7l");
    expect(platformTags(target("linux/arm/v6", musl("1.1")))).toEqual([
      "musllinux_1_1_armv6l",
      "musllinux_1_0_armv6l",
      "linux_armv6l",
    ]);
  });
});

describe("wheel file names", () => {
  it("are taken apart, compressed tag sets expanded", () => {
    expect(
      parseWheelName("Foo_Bar-1.0.RC1-2b-py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl"),
    ).toMatchObject({
      name: "foo-bar",
      version: "1.0rc1",
      build: [2, "b"],
      platforms: ["manylinux1_x86_64", "manylinux_2_5_x86_64"],
      tags: [
        "py2-none-manylinux1_x86_64",
        "py2-none-manylinux_2_5_x86_64",
        "py3-none-manylinux1_x86_64",
        "py3-none-manylinux_2_5_x86_64",
      ],
    });
    for (const bad of ["foo.whl", "foo-1.0.tar.gz", "foo-1.0-py3-none.whl", "a-1-x-py3-none-any.whl"])
      expect(parseWheelName(bad), bad).toBeUndefined();
  });

  it("fit by their best tag; higher build numbers win", () => {
    const ranks = tagRanks(target("linux/arm64", glibc("2.36")));
    const fit = (filename: string) => {
      const wheel = parseWheelName(filename);
      return wheel && bestTag(wheel, ranks)?.tag;
    };
    expect(fit("x-1-cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64.whl")).toBe(
      "cp311-cp311-manylinux_2_17_aarch64",
    );
    expect(fit("x-1-cp39-abi3-manylinux_2_34_aarch64.whl")).toBe("cp39-abi3-manylinux_2_34_aarch64");
    expect(fit("x-1-cp311-cp311-manylinux_2_39_aarch64.whl")).toBeUndefined();
    expect(fit("x-1-cp311-cp311-musllinux_1_2_aarch64.whl")).toBeUndefined();
    expect(fit("x-1-cp312-abi3-manylinux_2_17_aarch64.whl")).toBeUndefined();
    expect([[1, ""], [], [10, "a"], [10, "b"]].sort((a, b) => compareBuilds(a as [], b as []))).toEqual([
      [10, "b"],
      [10, "a"],
      [1, ""],
      [],
    ]);
  });
});
