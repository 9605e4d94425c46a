import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { openLogReader } from "../../../src/diagnose/log-reader.ts";
import { logRules } from "../../../src/diagnose/log-rules.ts";
import type { Diagnosis } from "../../../src/diagnose/diagnosis.ts";

function explain(log: string): readonly Diagnosis[] {
  const reader = openLogReader();
  for (const line of log.split("\n")) reader.line(line);
  return reader.diagnoses();
}

const folder = resolve(import.meta.dirname, "../../../src/diagnose/rules/log");

it("lists every file of rules/log under its own name", () => {
  const files = readdirSync(folder).map((name) => name.replace(/\.ts$/, ""));
  expect(logRules.map(({ code }) => code).toSorted()).toEqual(files.toSorted());
});

describe.each(logRules)("$code", (rule) => {
  it("has samples of its own", () => {
    expect(rule.bad.length).toBeGreaterThan(0);
    expect(rule.good.length).toBeGreaterThan(0);
  });

  it.each(rule.bad)("comes first for %j", (log) => {
    const [first] = explain(log);
    expect(first?.code).toBe(rule.code);
    expect(first?.architecture).toBe(rule.architecture);
    expect(first?.evidence.length).toBeGreaterThan(0);
    expect(first?.why).not.toBe("");
    expect(first?.fixes.length).toBeGreaterThan(0);
  });

  it.each(rule.good)("isn't named for %j", (log) => {
    expect(explain(log).map(({ code }) => code)).not.toContain(rule.code);
  });

  it("refers only to codes that exist", () => {
    const codes = new Set(logRules.map(({ code }) => code));
    for (const code of rule.above ?? []) expect(codes, join(folder, rule.code)).toContain(code);
  });
});
