/** Compresses standard input with our gzip to standard output: `compress-child.ts JOBS CHUNK`. */
import { readFileSync } from "node:fs";
import { ParallelGzip } from "../../../src/archive/gzip.ts";

const [jobs = 4, chunk = 1000] = process.argv.slice(2).map(Number);
const input = readFileSync(0);
const output: Uint8Array[] = [];
const gzip = new ParallelGzip((bytes) => output.push(Buffer.from(bytes)), jobs);
for (let at = 0; at < input.length; at += chunk) await gzip.push(input.subarray(at, at + chunk));
await gzip.finish();
process.stdout.write(Buffer.concat(output));
