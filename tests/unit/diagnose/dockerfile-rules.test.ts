import { describe, expect, it } from "vitest";
import { checkDockerfile } from "../../../src/diagnose/check-dockerfile.ts";
import { dockerfileRules } from "../../../src/diagnose/rules/dockerfile-rules.ts";

describe.each(dockerfileRules.map((rule) => [rule.id, rule] as const))("%s", (id, rule) => {
  const found = (text: string): boolean =>
    checkDockerfile("Dockerfile", text).findings.some((finding) => finding.rule === id);

  it.each(rule.bad)("finds it in %j", (text) => {
    expect(found(text)).toBe(true);
  });

  it.each(rule.good)("finds nothing in %j", (text) => {
    expect(found(text)).toBe(false);
    const loud = checkDockerfile("Dockerfile", text).findings.filter(({ severity }) => severity === "error");
    expect(loud.filter(({ rule: other }) => other === "dockerfile-invalid")).toEqual([]);
  });
});
