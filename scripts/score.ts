/**
 * `npm run score -- [CORPUS] [--verbose]`: how good `explain` (and `check`) are on labelled data. CORPUS is a directory
 * with failures/ and dockerfiles/; ../shared/corpus where none is given.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { dockerfileReport } from "./score-dockerfiles.ts";
import { scoreLogs } from "./score-logs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { verbose: { type: "boolean", short: "v" } },
});
const corpus = resolve(positionals[0] ?? join(import.meta.dirname, "../../shared/corpus"));
const logs = join(corpus, "failures/dev.jsonl");
const dockerfiles = join(corpus, "dockerfiles/dev.jsonl");
if (existsSync(logs)) process.stdout.write(`${scoreLogs(logs, values.verbose).report}\n`);
if (existsSync(dockerfiles)) process.stdout.write(`${dockerfileReport(corpus, values.verbose)}\n`);
if (!existsSync(logs) && !existsSync(dockerfiles)) {
  process.stderr.write(`${corpus} holds neither failures/dev.jsonl nor dockerfiles/dev.jsonl.\n`);
  process.exitCode = 2;
}
