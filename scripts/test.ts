/**
 * `npm test`: builds the library, provides the real components, runs all tests. The last line on stdout is
 * `N passed, N failed` or `N passed, N failed, N skipped`.
 *
 *     npm test -- [--unit | --e2e] [--no-build] [file filter …] [vitest option …]
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeTempDir } from "../src/host/temp-dir.ts";
import { engineNames, ensureEngines, missingVariable } from "../tests/engines/install.ts";
import { summaryVariable, type Summary } from "../tests/engines/summary-reporter.ts";

const project = resolve(import.meta.dirname, "..");
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** A closed standard input makes child processes fail in odd ways: the null device takes its place. */
function repairInput(): void {
  try {
    fstatSync(0);
  } catch {
    const opened = openSync("/dev/null", "r");
    if (opened !== 0) closeSync(opened);
  }
}

/** Runs a Node.js program of the project to its end with our output; the exit code, 1 for a signal. */
function runNode(script: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  return new Promise((done) => {
    const options = { cwd: project, env: { ...process.env, ...env } };
    const child = spawn(process.execPath, [join(project, "node_modules", script), ...args], {
      ...options,
      stdio: ["ignore", "inherit", "inherit"],
    });
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on("SIGTERM", forward).on("SIGINT", forward);
    child.on("error", (error) => {
      say(String(error));
      done(1);
    });
    child.on("exit", (code) => {
      process.off("SIGTERM", forward).off("SIGINT", forward);
      done(code ?? 1);
    });
  });
}

/** Provides all engines and says which are missing: reason by engine. */
async function provideEngines(): Promise<Readonly<Record<string, string>>> {
  const start = Date.now();
  const { missing } = await ensureEngines(engineNames);
  const absent = Object.entries(missing);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  say(`Engines: ${engineNames.length - absent.length} of ${engineNames.length} ready (${seconds} s)`);
  for (const [name, reason] of absent) say(`  missing: ${name}: ${reason}`);
  return missing;
}

async function runVitest(
  args: readonly string[],
  missing: Readonly<Record<string, string>>,
): Promise<Summary> {
  await using temp = await makeTempDir();
  const path = join(temp.path, "summary.json");
  const reporters = [
    "--reporter=default",
    `--reporter=${join(project, "tests/engines/summary-reporter.ts")}`,
  ];
  const env = { [summaryVariable]: path, [missingVariable]: JSON.stringify(missing) };
  const code = await runNode("vitest/vitest.mjs", ["run", ...reporters, ...args], env);
  if (!existsSync(path)) {
    say(`vitest ended with ${code} before all tests had run.`);
    return { passed: 0, failed: 1, skipped: 0, reasons: {} };
  }
  const summary = JSON.parse(readFileSync(path, "utf8")) as Summary;
  return { ...summary, failed: code !== 0 && summary.failed === 0 ? 1 : summary.failed };
}

function report(summary: Summary): void {
  const reasons = Object.entries(summary.reasons).sort(([, a], [, b]) => b - a);
  if (reasons.length > 0) say("Skipped:");
  for (const [reason, count] of reasons) say(`  ${count} × ${reason}`);
  const skipped = summary.skipped > 0 ? `, ${summary.skipped} skipped` : "";
  say(`${summary.passed} passed, ${summary.failed} failed${skipped}`);
}

async function main(args: readonly string[]): Promise<number> {
  repairInput();
  const own = new Set(["--unit", "--e2e", "--no-build"]);
  const given = new Set(args);
  const vitest = args.filter((argument) => !own.has(argument));
  if (given.has("--unit")) vitest.push("--project=unit");
  if (given.has("--e2e")) vitest.push("--project=e2e");
  if (
    !given.has("--no-build") &&
    (await runNode("typescript/bin/tsc", ["-p", "tsconfig.build.json"])) !== 0
  ) {
    say("The library doesn't compile.");
    report({ passed: 0, failed: 1, skipped: 0, reasons: {} });
    return 1;
  }
  const missing = given.has("--unit") ? {} : await provideEngines();
  const summary = await runVitest(vitest, missing);
  const lacking = process.env["CI"] === "true" ? Object.keys(missing) : [];
  if (lacking.length > 0) say(`In CI, each missing engine is a failure: ${lacking.join(", ")}`);
  const failed = summary.failed + lacking.length;
  report({ ...summary, failed });
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
