import { exitProgram } from "../../buildkit/probe-program.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import type { Examination, Fact } from "../check.ts";
import { machine } from "./machine.ts";

export interface ForeignRun {
  /** "unknown" where there is no program to try, or none can be run here (macOS). */
  readonly outcome: "runs" | "no handler" | "crashes" | "unknown";
  readonly detail: string;
}

const known = new Map<string, Fact<ForeignRun>>();

/** Runs a program of the platform on the machine itself. */
export function foreignRun(platform: Platform): Fact<ForeignRun> {
  const name = formatPlatform(platform);
  let fact = known.get(name);
  if (fact === undefined) {
    fact = (x) => tryProgram(platform, x);
    known.set(name, fact);
  }
  return fact;
}

async function tryProgram(platform: Platform, x: Examination): Promise<ForeignRun> {
  const { os } = await x.fact(machine);
  if (os !== "linux")
    return { outcome: "unknown", detail: "programs of Linux run in Docker's virtual machine only" };
  const program = exitProgram(platform);
  if (program === undefined)
    return { outcome: "unknown", detail: `no test program for ${formatPlatform(platform)}` };
  const { code, stderr } = await x.probe.shell(script(program));
  if (code === 0)
    return { outcome: "runs", detail: `a program for ${formatPlatform(platform)} ran and ended with 0` };
  if (code === 99) return { outcome: "unknown", detail: "no directory here lets programs run" };
  if (code > 128 && code < 128 + 65) {
    const signal = code - 128;
    return { outcome: "crashes", detail: `the program was ended by signal ${signal}` };
  }
  // Shells take what the kernel refuses for a script: what they say of it tells nothing.
  const telling = /exec format error|no such file or directory|permission denied/i.exec(stderr)?.[0];
  return { outcome: "no handler", detail: telling?.toLowerCase() ?? "exec format error" };
}

/** Puts the program where programs may be run, runs it, removes it. */
function script(program: Buffer): string {
  const bytes = [...program].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return [
    'for d in "${TMPDIR:-/tmp}" /var/tmp "$HOME" /dev/shm; do',
    '  f=$(mktemp "$d/anyarch-probe.XXXXXX" 2>/dev/null) || continue',
    `  printf '${bytes}' > "$f" && chmod 700 "$f" && cd / && "$f"`,
    "  code=$?",
    '  rm -f "$f"',
    // A file system mounted noexec: the next one.
    '  if [ $code = 126 ] && mount 2>/dev/null | grep -q " on $d .*noexec"; then continue; fi',
    "  exit $code",
    "done",
    "exit 99",
  ].join("\n");
}
