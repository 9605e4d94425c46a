import type { LogLine } from "./log-line.ts";
import { cpuOf, type LogView } from "./log-view.ts";

const cpus: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  arm: "arm",
  i386: "386",
  i686: "386",
  powerpc64le: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
};

/** Whether a line names a compiler (aarch64-linux-gnu-gcc) of the CPU that its step runs on: Python's own compiler. */
export function isOwnCompiler(log: LogView, { text, step }: LogLine): boolean {
  const named = cpus[/\b(\w+)-linux-(?:gnu|musl)\w{0,6}-/.exec(text)?.[1] ?? ""];
  if (named === undefined || step?.runsOn !== undefined) return false;
  return cpuOf(step?.platform ?? (log.platforms.length === 1 ? log.platforms[0] : undefined)) === named;
}

/** Whether a line names a multiarch directory (/usr/lib/x86_64-linux-gnu) of another CPU than its step's. */
export function isForeignTriplet(log: LogView, { text, step }: LogLine): boolean {
  const named = cpus[/\/lib\/(\w+)-linux-(?:gnu|musl)/.exec(text)?.[1] ?? ""];
  const runsOn =
    step?.runsOn ?? step?.platform ?? (log.platforms.length === 1 ? log.platforms[0] : undefined);
  const own = cpuOf(runsOn);
  return named !== undefined && own !== undefined && named !== own && !(own === "amd64" && named === "386");
}
