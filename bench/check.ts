import { sampleText } from "../src/diagnose/dockerfile/rule.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { anyarch } from "./anyarch.ts";
import { measure, type Sample } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";
import { dockerfileRules } from "../src/diagnose/rules/dockerfile-rules.ts";

const files = 200;
const limitMs = 2000;

/** A repository of services, each with a Dockerfile made of the rules' own samples and a usual amount of other lines. */
function writeServices(root: string): string {
  const samples = dockerfileRules.flatMap(({ bad, good }) => [...bad, ...good]);
  for (let at = 0; at < files; at++) {
    const folder = join(root, `service-${at}`);
    mkdirSync(folder, { recursive: true });
    const sample = samples[(at * 37) % samples.length] ?? "";
    const others = Array.from(
      { length: 12 },
      (_, line) =>
        `RUN set -eux; apt-get update && apt-get install -y --no-install-recommends pkg${line} \\\n && if [ -n "$X" ]; then echo ${line}; fi && rm -rf /var/lib/apt/lists/*`,
    );
    writeFileSync(
      join(folder, "Dockerfile"),
      `${sampleText(sample)}${others.join("\n")}\nCMD ["service-${at}"]\n`,
    );
  }
  return root;
}

/** `anyarch check` of a repository with 200 Dockerfiles, offline. */
export async function benchCheck(place: string, rounds: number): Promise<Table[]> {
  const many = writeServices(join(place, "many"));
  const one = join(many, "service-0");
  const samples: Record<string, Sample[]> = { "1 Dockerfile": [], "200 Dockerfiles": [] };
  for (let round = 0; round < Math.min(5, rounds); round++) {
    for (const [name, path] of [
      ["1 Dockerfile", one],
      ["200 Dockerfiles", many],
    ] as const) {
      samples[name]?.push(
        await measure([
          "sh",
          "-c",
          '"$@" || [ $? -le 1 ]',
          "sh",
          ...anyarch,
          "check",
          path,

          "--format",
          "json",
        ]),
      );
    }
  }
  const best = Math.min(...(samples["200 Dockerfiles"] ?? []).map(({ cpuMs, wallMs }) => cpuMs ?? wallMs));
  const note = `200 Dockerfiles: ${best.toFixed(0)} ms of CPU: ${best <= limitMs ? "within" : "OUTSIDE"} the limit (${limitMs} ms).`;
  return [makeTable("Check Dockerfiles", "1 Dockerfile", samples, [note])];
}
