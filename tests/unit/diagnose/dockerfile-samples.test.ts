import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkDockerfile } from "../../../src/diagnose/check-dockerfile.ts";

/**
 * Files of Dockerfiles as projects write them, hazards beside what looks like one and isn't. Each begins with
 * `### NAME [RULE:LINE …]`: the errors and warnings that it has, no more and no less.
 */
const folder = join(import.meta.dirname, "../../data/dockerfile-samples");

interface Sample {
  readonly name: string;
  readonly expected: readonly string[];
  readonly text: string;
}

function samplesIn(file: string): Sample[] {
  const blocks = readFileSync(join(folder, file), "utf8").split(/^### /m).slice(1);
  return blocks.map((block) => {
    const [heading = "", ...lines] = block.split("\n");
    const [name = "", ...expected] = heading.trim().split(" ");
    return { name, expected, text: lines.join("\n") };
  });
}

describe("check on samples", () => {
  it.each(readdirSync(folder).sort())("%s", (file) => {
    const samples = samplesIn(file);
    expect(samples.length).toBeGreaterThan(5);
    const found = samples.map(({ name, text }) => {
      const findings = checkDockerfile(name, text).findings.filter(({ severity }) => severity !== "info");
      return [name, ...findings.map(({ rule, line }) => `${rule}:${line}`)].join(" ");
    });
    expect(found).toEqual(samples.map(({ name, expected }) => [name, ...expected].join(" ")));
  });
});
