import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { anyarch } from "./anyarch.ts";
import { measure, type Sample } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";

/** What the process may hold, whatever the log's size. */
const limitMiB = 200;
const limitMBs = 100;

const ordinary = (at: number): string =>
  `#12 ${(at / 1000).toFixed(1)} Get:${at % 400} http://mirror.example/debian bookworm/main arm64 libfoo${at}-dev arm64 1.2.${at % 90}-1 [1,${at % 1000} kB]\n`;
const complaining = (at: number): string =>
  `#12 ${(at / 1000).toFixed(1)} warning: could not find debug symbols of libfoo${at}.so.1: not found\n`;

/** A BuildKit log of so many MB whose crash stands in the middle; the lines before and after are `line`. */
function writeLog(path: string, megabytes: number, line: (at: number) => string): string {
  const fd = openSync(path, "w");
  try {
    const text = Array.from({ length: 10_000 }, (_, at) => line(at)).join("");
    const half = Math.ceil((megabytes * 1e6) / text.length / 2);
    writeSync(fd, "#12 [linux/arm64 build 4/6] RUN npm ci\n");
    for (let block = 0; block < half; block++) writeSync(fd, text);
    writeSync(fd, "#12 900.0 qemu: uncaught target signal 4 (Illegal instruction) - core dumped\n");
    for (let block = 0; block < half; block++) writeSync(fd, text);
    writeSync(fd, '#12 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 132\n');
  } finally {
    closeSync(fd);
  }
  return path;
}

/** `anyarch explain` on logs of 1 GB: time and peak memory. */
export async function benchExplain(place: string, rounds: number): Promise<Table[]> {
  const logs = {
    "1 MB": writeLog(join(place, "small.log"), 1, ordinary),
    "1 GB": writeLog(join(place, "large.log"), 1000, ordinary),
    "1 GB, a complaint in every line": writeLog(join(place, "complaints.log"), 1000, complaining),
  };
  const samples: Record<string, Sample[]> = {};
  const notes: string[] = [];
  for (const [name, path] of Object.entries(logs)) {
    samples[name] = [];
    for (let round = 0; round < Math.min(3, rounds); round++) {
      samples[name].push(await measure([...anyarch, "explain", path, "--format", "json"]));
    }
    const [first] = samples[name];
    const { wallMs, peakMiB = 0 } = first ?? { wallMs: 1 };
    const speed = statSync(path).size / 1e3 / wallMs;
    const good = speed >= limitMBs && peakMiB <= limitMiB;
    if (name !== "1 MB")
      notes.push(
        `${name}: ${speed.toFixed(0)} MB/s, peak ${peakMiB.toFixed(0)} MiB: ${good ? "within" : "OUTSIDE"} the limits (${limitMBs} MB/s, ${limitMiB} MiB).`,
      );
  }
  return [makeTable("Explain a log", "1 MB", samples, notes)];
}
