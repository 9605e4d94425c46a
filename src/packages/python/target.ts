import { AnyarchError } from "../../errors/error.ts";
import { formatPlatform, normalizePlatform, type Platform } from "../../oci/platform.ts";
import type { MarkerEnvironment } from "./marker.ts";
import { normalizeName } from "./name.ts";

/** What wheels have to fit: an interpreter and a C library on a platform. */
export interface PythonTarget {
  readonly platform: Platform;
  /** The full version: "3.11.2". */
  readonly python: string;
  readonly implementation: "cpython";
  /** `version` is major.minor: "2.36", "1.2". */
  readonly libc: { readonly family: "glibc" | "musl"; readonly version: string };
}

const machines: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  "386": "i686",
  ppc64le: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
  loong64: "loongarch64",
};

/** `platform.machine()` on the target: x86_64, aarch64, armv7l, … Throws PLATFORM_INVALID where Python wheels have no name for it. */
export function machineOf(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  const arm: Readonly<Record<string, string>> = { v5: "armv5l", v6: "armv6l", v7: "armv7l", v8: "armv7l" };
  const machine = architecture === "arm" ? arm[variant ?? "v7"] : machines[architecture];
  if (os !== "linux" || machine === undefined)
    throw new AnyarchError(
      "PLATFORM_INVALID",
      `Python packages can't be selected for ${formatPlatform(platform)}.`,
      { hint: `Python applications are assembled for linux on ${Object.keys(machines).join(", ")} and arm.` },
    );
  return machine;
}

/** Major and minor number of the target's Python. Throws INPUT_INVALID where the version isn't of the form 3.11[.2]. */
export function pythonMinor(target: PythonTarget): readonly [major: number, minor: number] {
  const [, major, minor] = /^(\d+)\.(\d+)(?:\.|$|[a-z+])/.exec(target.python) ?? [];
  if (major === undefined || minor === undefined)
    throw new AnyarchError("INPUT_INVALID", `"${target.python}" is not a full Python version.`, {
      hint: "Write it as 3.11.2.",
    });
  return [Number(major), Number(minor)];
}

/**
 * The marker environment of a target (PEP 508, PEP 751). Kernel release and version are the empty text: they
 * are those of the machine that will run the image, which nobody knows now.
 */
export function markerEnvironment(
  target: PythonTarget,
  options: { readonly extras?: Iterable<string>; readonly groups?: Iterable<string> } = {},
): MarkerEnvironment {
  const [major, minor] = pythonMinor(target);
  return {
    variables: {
      implementation_name: target.implementation,
      implementation_version: target.python,
      os_name: "posix",
      platform_machine: machineOf(target.platform),
      platform_python_implementation: "CPython",
      platform_release: "",
      platform_system: "Linux",
      platform_version: "",
      python_full_version: target.python,
      python_version: `${major}.${minor}`,
      sys_platform: "linux",
    },
    extras: new Set([...(options.extras ?? [])].map(normalizeName)),
    groups: new Set([...(options.groups ?? [])].map(normalizeName)),
  };
}
