/**
 * `npm run bench`: anyarch beside its peers, on this machine, in one run.
 *
 *     npm run bench -- [--only append,memory,startup,example,explain,check,farm,verify] [--runs N] [--json FILE]
 *
 * Prints medians of N runs (7 by default) as Markdown tables. Builds the library first. Needs the engines of the
 * tests (docs/guide/testing.md); peers that can't be had are left out. "example" needs a Debian mirror.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeTempDir } from "../src/host/temp-dir.ts";
import { project } from "./anyarch.ts";
import { benchAppend } from "./append.ts";
import { benchCheck } from "./check.ts";
import { benchExample } from "./example.ts";
import { benchExplain } from "./explain.ts";
import { benchFarm } from "./farm.ts";
import { benchMemory } from "./memory.ts";
import { formatTable, type Table } from "./report.ts";
import { benchStartup } from "./startup.ts";
import { benchVerify } from "./verify.ts";

const parts: Readonly<Record<string, (place: string, rounds: number) => Promise<Table[]>>> = {
  startup: benchStartup,
  append: benchAppend,
  example: benchExample,
  memory: benchMemory,
  explain: benchExplain,
  check: benchCheck,
  farm: benchFarm,
  verify: benchVerify,
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function machine(): Record<string, string> {
  const [first] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${cpus().length} × ${first?.model.trim() ?? "unknown"} (${arch()})`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    kernel: release(),
    node: process.version,
    load: loadavg()[0]?.toFixed(1) ?? "",
  };
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: "string" }, runs: { type: "string" }, json: { type: "string" } },
  });
  const wanted = values.only?.split(",") ?? Object.keys(parts);
  const rounds = Number(values.runs ?? 7);
  const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
    say(`--only takes ${Object.keys(parts).join(", ")}; --runs a number.`);
    return 2;
  }
  execFileSync(
    process.execPath,
    [join(project, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"],
    {
      cwd: project,
      stdio: "inherit",
    },
  );
  const about = machine();
  say(Object.values(about).join(", "));
  const tables: Table[] = [];
  for (const name of wanted) {
    await using place = await makeTempDir();
    mkdirSync(join(place.path, name));
    for (const table of (await parts[name]?.(join(place.path, name), rounds)) ?? []) {
      tables.push(table);
      say(`\n${formatTable(table)}`);
    }
  }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine: about, tables }, null, 2)}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
