import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../../../src/cli/commands/check.ts";
import { runCommand } from "./captured-command.ts";

const directory = mkdtempSync(join(tmpdir(), "anyarch-check-command-"));
const file = join(directory, "Dockerfile");
const defaults = { format: "text", progress: "auto", color: "auto", failOn: "error" };

beforeAll(() => {
  writeFileSync(
    file,
    "FROM debian:12\nENV CFLAGS=-march=native\nRUN curl -fsSLO \\\n  https://x.example/tool-linux-amd64\n",
  );
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function run(flags: Readonly<Record<string, unknown>> = {}, paths = [file], stdin = "") {
  return runCommand(command, [paths], { ...defaults, ...flags }, stdin);
}

describe("anyarch check", () => {
  it("shows the line in a frame, why, the fix and a verdict", async () => {
    const { code, out } = await run();
    expect(code).toBe(1);
    expect(out).toContain(
      `${file}:4 error This file is for amd64 on every target. [hardcoded-arch-download]\n`,
    );
    expect(out).toContain("    4 |   https://x.example/tool-linux-amd64\n");
    expect(out).toContain("(linux/arm64)");
    expect(out).toMatch(/fix Put TARGETARCH/);
    expect(out).toContain(`✗ ${file}: 1 error, 1 warning\n`);
  });

  it("fails from the level on that --fail-on names", async () => {
    const warned = ["-"];
    const text = "FROM debian:12\nENV CFLAGS=-march=native\n";
    expect((await run({}, warned, text)).code).toBe(0);
    expect((await run({ failOn: "warning" }, warned, text)).code).toBe(1);
    expect((await run({ failOn: "none" })).code).toBe(0);
    expect((await run({ failOn: "info" }, warned, "FROM debian:12\n")).code).toBe(0);
    await expect(run({ failOn: "fatal" })).rejects.toThrow('--fail-on is "fatal"');
  });

  it("prints one JSON object of anyarch.check/v1", async () => {
    const { out } = await run({ format: "json" });
    const report = JSON.parse(out) as { schema: string; findings: object[] };
    expect(report.schema).toBe("anyarch.check/v1");
    expect(report.findings[1]).toEqual({
      rule: "hardcoded-arch-download",
      severity: "error",
      file,
      line: 4,
      endLine: 4,
      message: "This file is for amd64 on every target.",
      why: expect.stringContaining("exec format error") as string,
      fix: expect.stringContaining("TARGETARCH") as string,
      platforms: ["linux/arm64"],
    });
  });

  it("prints SARIF with the rules that were found", async () => {
    const { out } = await run({ format: "sarif" });
    const sarif = JSON.parse(out) as {
      version: string;
      runs: { tool: { driver: { rules: { id: string }[] } }; results: Record<string, unknown>[] }[];
    };
    expect(sarif.version).toBe("2.1.0");
    expect(sarif.runs[0]?.tool.driver.rules.map(({ id }) => id)).toEqual([
      "hardcoded-arch-download",
      "march-flags",
    ]);
    expect(sarif.runs[0]?.results).toMatchObject([
      { ruleId: "march-flags", level: "warning" },
      {
        ruleId: "hardcoded-arch-download",
        level: "error",
        locations: [
          { physicalLocation: { artifactLocation: { uri: file }, region: { startLine: 4, endLine: 4 } } },
        ],
      },
    ]);
  });

  it("prints annotations for GitHub", async () => {
    const { out } = await run({ format: "github" });
    expect(out.split("\n")[1]).toMatch(
      /^::error file=.*Dockerfile,line=4,endLine=4,title=hardcoded-arch-download::This file/,
    );
  });

  it("shows terminal codes of a Dockerfile as text", async () => {
    const { out } = await run({}, ["-"], "FROM amd64/debian:\u001b[31m12\n");
    expect(out).not.toContain("\u001b");
  });

  it("takes --dry-run only with --fix, and unknown formats not at all", async () => {
    await expect(run({ dryRun: true })).rejects.toThrow("--dry-run belongs to --fix");
    await expect(run({ format: "xml" })).rejects.toThrow('--format is "xml"');
  });
});
