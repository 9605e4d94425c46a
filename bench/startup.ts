import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { anyarch } from "./anyarch.ts";
import { interleave, measure } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";

/** What it takes to say the version or to show help, beside a Node.js that does nothing. */
export async function benchStartup(place: string, rounds: number): Promise<Table[]> {
  const empty = join(place, "empty.cjs");
  writeFileSync(empty, "");
  const commands: Readonly<Record<string, readonly string[]>> = {
    "empty Node.js": [process.execPath, empty],
    "anyarch --version": [...anyarch, "--version"],
    "anyarch --help": [...anyarch, "--help"],
    "anyarch build --help": [...anyarch, "build", "--help"],
  };
  const cases = Object.entries(commands).map(([name, command]) => [name, () => measure(command)] as const);
  const samples = await interleave(Object.fromEntries(cases), Math.max(21, rounds));
  return [makeTable("Start", "empty Node.js", samples)];
}
