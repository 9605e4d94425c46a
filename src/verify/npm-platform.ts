import { normalizePlatform } from "../oci/platform.ts";
import type { NpmSupport } from "./layer-scan.ts";
import type { Subject } from "./subject.ts";

/** GOARCH → Node.js's process.arch. */
const cpus: Readonly<Record<string, string>> = {
  "386": "ia32",
  amd64: "x64",
  arm: "arm",
  arm64: "arm64",
  loong64: "loong64",
  mips: "mips",
  mipsle: "mipsel",
  ppc64: "ppc64",
  ppc64le: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
};

/** Whether npm would install a package of these restrictions on the image's platform (package.json: os, cpu, libc). */
export function npmFits(supports: NpmSupport | undefined, subject: Subject): boolean {
  const { os, architecture } = normalizePlatform(subject.platform);
  const cpu = cpus[architecture];
  if (supports === undefined || cpu === undefined) return true;
  return (
    allows(supports.os, [os]) &&
    // Code for WebAssembly runs everywhere.
    (supports.cpu?.includes("wasm32") === true || allows(supports.cpu, [cpu])) &&
    (subject.libcs.size === 0 || allows(supports.libc, [...subject.libcs]))
  );
}

/** npm's rule: one of the words, and none of those that "!" excludes. */
function allows(list: readonly string[] | undefined, present: readonly string[]): boolean {
  if (list === undefined) return true;
  const wanted = list.filter((word) => !word.startsWith("!"));
  if (present.every((word) => list.includes(`!${word}`))) return false;
  return wanted.length === 0 || present.some((word) => wanted.includes(word));
}
