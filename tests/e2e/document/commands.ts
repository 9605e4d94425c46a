import { readFileSync } from "node:fs";
import { join } from "node:path";

const data = join(import.meta.dirname, "../../data/document-004");

/** The blocks of commands and configuration in document 004, in its order; tests/data holds one file for each. */
export const blocks = [
  "01-build-amd64.sh",
  "02-build-arm64.sh",
  "03-build-all.sh",
  "04-create-app.sh",
  "05-compare-platforms.sh",
  "06-use-case-amd64-from-mac.sh",
  "07-use-case-graviton.sh",
  "08-use-case-github-actions.yaml",
  "09-use-case-manifest-list.sh",
  "10-pycontainer.toml",
  "11-config-file.sh",
  "12-test-with-docker.sh",
  "13-test-with-crane.sh",
  "14-check-base.sh",
  "15-platform-format.sh",
  "16-check-architecture.sh",
] as const;

export type Block = (typeof blocks)[number];

/** A block as the document has it. */
export function block(name: Block): string {
  return readFileSync(join(data, name), "utf8");
}

/** The fenced blocks of the document itself that hold commands or configuration. */
export function blocksOf(document: string): string[] {
  return [...document.matchAll(/^```(?:bash|yaml|toml)\n(.*?)^```$/gms)].map(([, body = ""]) => body);
}

/** A block's commands with `anyarch` in place of `pycontainer`; the configuration file keeps its name. */
export function commands(name: Block): string {
  return block(name).replaceAll(/\bpycontainer(?= )/g, "anyarch");
}

/**
 * Replaces a command that is wrong or that anyarch has a better one for. Throws where the block doesn't hold it, so
 * that a correction can't outlive what it corrects.
 */
export function corrected(text: string, wrong: string, right: string): string {
  if (!text.includes(wrong)) throw new Error(`The document doesn't say: ${wrong}`);
  return text.replace(wrong, () => right);
}

/** The shell script of a step of the GitHub workflow, its `${{ … }}` expressions filled in. */
export function workflowStep(
  workflow: string,
  step: string,
  values: Readonly<Record<string, string>>,
): string {
  const lines = workflow.split("\n");
  const start = lines.findIndex((line) => line.trim() === `- name: ${step}`);
  if (start < 0) throw new Error(`The workflow has no step "${step}"`);
  const at = lines.findIndex((line, index) => index > start && /^\s*run:/.test(line));
  const [, indent = "", inline = ""] = /^(\s*)run: ?(.*)$/.exec(lines[at] ?? "") ?? [];
  const body: string[] = [];
  for (const line of lines.slice(at + 1)) {
    if (inline !== "|" || !line.startsWith(`${indent}  `)) break;
    body.push(line.slice(indent.length + 2));
  }
  const script = inline === "|" ? body.join("\n") : inline;
  return script.replaceAll(/\$\{\{ ([\w.]+) \}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The workflow needs a value of ${name}`);
    return value;
  });
}
