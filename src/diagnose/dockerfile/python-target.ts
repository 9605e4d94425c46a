import type { PythonTarget } from "../../packages/python/target.ts";
import type { StageView } from "./stage-view.ts";

const glibcs: readonly (readonly [RegExp, string])[] = [
  [/trixie|debian:(?:13|testing)/, "2.41"],
  [/bullseye|debian:11/, "2.31"],
  [/noble|ubuntu:24/, "2.39"],
  [/jammy|ubuntu:22/, "2.35"],
  [/focal|ubuntu:20/, "2.31"],
  [/ubi8|rockylinux:8|almalinux:8|manylinux_2_28/, "2.28"],
  [/ubi9|rockylinux:9|almalinux:9|manylinux_2_34/, "2.34"],
];

/** The interpreter and C library that a stage's base most likely has: by its name. */
export function pythonTargetOf({ base, platform }: StageView): PythonTarget {
  const version = /python:?-?(3\.\d+)/.exec(base)?.[1] ?? "3.12";
  const glibc = glibcs.find(([name]) => name.test(base))?.[1] ?? "2.36";
  return {
    platform,
    python: `${version}.0`,
    implementation: "cpython",
    libc: /alpine|musl/.test(base) ? { family: "musl", version: "1.2" } : { family: "glibc", version: glibc },
  };
}
