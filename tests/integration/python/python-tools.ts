import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a program to its end; fails the test with what it said. */
export function run(command: string, args: readonly string[], cwd?: string): string {
  const result = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 256 << 20 });
  if (result.error !== undefined || result.status !== 0)
    throw new Error(`${command} ${args.join(" ")}: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}

/** Directory of programs with uv in it, installed once by this machine's pip; undefined where it can't be had. */
export function uvPrograms(): string | undefined {
  const environment = join(tmpdir(), "anyarch-test-uv");
  const programs = join(environment, "bin");
  try {
    if (!existsSync(join(programs, "uv"))) {
      execFileSync("python3", ["-m", "venv", environment], { stdio: "ignore" });
      execFileSync(join(programs, "pip"), ["install", "--quiet", "uv"], { stdio: "ignore" });
    }
    return programs;
  } catch {
    return undefined;
  }
}
