import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkDockerfile, type CheckFinding } from "../../../src/diagnose/check-dockerfile.ts";
import { type DockerfileSample, sampleText } from "../../../src/diagnose/dockerfile/rule.ts";
import { openContext } from "../../../src/diagnose/files/context-root.ts";
import { dockerfileRules } from "../../../src/diagnose/rules/dockerfile-rules.ts";
import { buildElf, machines } from "../verify/elf-builder.ts";

/** A file's bytes: a program's are those of a real, if small, one. */
function bytesOf(content: string | { readonly machine: string }): string | Uint8Array {
  if (typeof content === "string") return content;
  const { machine } = content;
  if (machine === "Mach-O") return Buffer.from("cffaedfe0c000001000000000200000010000000", "hex");
  return buildElf({ machine: machines[machine as keyof typeof machines] });
}

function findingsIn(sample: DockerfileSample): readonly CheckFinding[] {
  const text = sampleText(sample);
  if (typeof sample === "string") return checkDockerfile("Dockerfile", text).findings;
  const directory = mkdtempSync(join(tmpdir(), "anyarch-sample-"));
  try {
    for (const [path, content] of Object.entries(sample)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), bytesOf(content));
    }
    const context = (): ReturnType<typeof openContext> =>
      openContext(directory, join(directory, "Dockerfile"));
    return checkDockerfile("Dockerfile", text, { context }).findings;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe.each(dockerfileRules.map((rule) => [rule.id, rule] as const))("%s", (id, rule) => {
  const found = (sample: DockerfileSample): boolean =>
    findingsIn(sample).some((finding) => finding.rule === id);

  it.each(rule.bad)("finds it in %j", (sample) => {
    expect(found(sample)).toBe(true);
  });

  it.each(rule.good)("finds nothing in %j", (sample) => {
    expect(found(sample)).toBe(false);
    const loud = findingsIn(sample).filter(({ severity }) => severity === "error");
    expect(loud.filter(({ rule: other }) => other === "dockerfile-invalid")).toEqual([]);
  });
});
