import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { makeTempDir } from "../src/host/temp-dir.ts";

/** One run of a command. */
export interface Sample {
  /** Milliseconds on the clock. */
  readonly wallMs: number;
  /** Milliseconds of all cores, user and system, of the command and its children; absent without GNU time. */
  readonly cpuMs?: number;
  /** Resident memory of its largest process in MiB; absent without GNU time. */
  readonly peakMiB?: number;
  /** What other programs took of all cores meanwhile, 0 to 1; absent without GNU time. */
  readonly foreign?: number;
}

export interface MeasureOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const gnuTime = ["/usr/bin/time"].find((path) => existsSync(path));

/** Busy milliseconds of all cores since boot, as far as the kernel says. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Runs a command to its end. Throws with what it said where it fails. */
export async function measure(command: readonly string[], options: MeasureOptions = {}): Promise<Sample> {
  await using temp = await makeTempDir();
  const report = join(temp.path, "time");
  const line = gnuTime === undefined ? command : [gnuTime, "-o", report, "-f", "%U %S %M", ...command];
  const [busy, started] = [busyMs(), performance.now()];
  await finish(line, options);
  const wallMs = performance.now() - started;
  if (gnuTime === undefined) return { wallMs };
  const [user = 0, system = 0, kib = 0] = readFileSync(report, "utf8")
    .trim()
    .split(/\s+/)
    .slice(-3)
    .map(Number);
  const cpuMs = (user + system) * 1000;
  const foreign = Math.max(0, (busyMs() - busy - cpuMs) / (wallMs * cpus().length));
  return { wallMs, cpuMs, peakMiB: kib / 1024, foreign };
}

function finish([program = "", ...args]: readonly string[], { cwd, env }: MeasureOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(cwd !== undefined && { cwd }),
      // On some machines it names a bundle that every start of Node.js 20 would read: 45 ms.
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4000)));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.join(" ")} exited with ${code}:\n${said}`));
    });
  });
}

/** Runs the cases in turn, so that all meet the same machine; every round begins with another one. The first round warms up. */
export async function interleave(
  cases: Readonly<Record<string, (round: number) => Promise<Sample>>>,
  rounds: number,
): Promise<Record<string, Sample[]>> {
  const names = Object.keys(cases);
  const samples: Record<string, Sample[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [at] of names.entries()) {
      const name = names[(at + round) % names.length] ?? "";
      const sample = await cases[name]?.(round);
      if (round > 0 && sample !== undefined) samples[name]?.push(sample);
    }
  }
  return samples;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
