import type { DockerfileModel } from "./model.ts";

/** Whether a rule is silenced at a line. */
export type Silencer = (rule: string, line: number) => boolean;

const comment = /^\s*#\s*(?:anyarch\s+)?check\s*=\s*(?:[^;]*;)*?\s*skip\s*=\s*([\w.,\s-]+)/i;

/**
 * `# check=skip=RULE,RULE` at the top holds for the file, as BuildKit's directive does; the same comment, or
 * `# anyarch check=skip=RULE`, right above an instruction or within it holds for that instruction. "all" is every rule.
 */
export function silencerOf(model: DockerfileModel): Silencer {
  const whole = new Set(skipped(`# check=${model.dockerfile.directives["check"] ?? ""}`));
  const spans: { readonly from: number; readonly to: number; readonly rules: ReadonlySet<string> }[] = [];
  const instructions = [
    ...model.dockerfile.globalArgs,
    ...model.dockerfile.stages.flatMap((stage) => [stage.from, ...stage.instructions]),
  ];
  for (const { line, endLine } of instructions) {
    const rules = new Set<string>();
    for (let above = line - 2; (model.lines[above] ?? "").trimStart().startsWith("#"); above--) {
      for (const rule of skipped(model.lines[above] ?? "")) rules.add(rule);
    }
    for (const text of model.lines.slice(line, Math.min(endLine, line + 2000)))
      for (const rule of skipped(text)) rules.add(rule);
    if (rules.size > 0) spans.push({ from: line, to: endLine, rules });
  }
  const covers = (rules: ReadonlySet<string>, rule: string): boolean => rules.has("all") || rules.has(rule);
  return (rule, line) =>
    covers(whole, rule) ||
    spans.some(({ from, to, rules }) => from <= line && line <= to && covers(rules, rule));
}

function skipped(line: string): string[] {
  if (line.length > 1000 || !line.trimStart().startsWith("#")) return [];
  const names = comment.exec(line)?.[1];
  return names === undefined ? [] : names.split(/[\s,]+/).filter(Boolean);
}
