/**
 * `npm run score -- [CORPUS] [--verbose]`: how good `explain` (and `check`) are on labelled data. CORPUS is a directory
 * with failures/ and dockerfiles/; ../shared/corpus where none is given.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { scoreDockerfiles } from "./score-dockerfiles.ts";
import { scoreLogs } from "./score-logs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { verbose: { type: "boolean", short: "v" } },
});
const corpus = resolve(positionals[0] ?? join(import.meta.dirname, "../../shared/corpus"));
const logs = join(corpus, "failures/dev.jsonl");
const dockerfiles = join(corpus, "dockerfiles");
if (existsSync(logs)) process.stdout.write(`${scoreLogs(logs, values.verbose).report}\n`);
if (existsSync(join(dockerfiles, "dev.jsonl"))) {
  const { files, recall, precision, onClean, onTraps, misses } = scoreDockerfiles(corpus);
  const percent = (part: number): string => `${(100 * part).toFixed(1)}%`;
  process.stdout.write(
    `Dockerfiles: ${files} files, recall ${percent(recall)}, precision ${percent(precision)}, findings on clean files ${onClean}, on traps ${onTraps}\n`,
  );
  if (values.verbose === true) for (const miss of misses) process.stdout.write(`  ${miss}\n`);
}
if (!existsSync(logs) && !existsSync(join(dockerfiles, "dev.jsonl"))) {
  process.stderr.write(`${corpus} holds neither failures/dev.jsonl nor dockerfiles/dev.jsonl.\n`);
  process.exitCode = 2;
}
