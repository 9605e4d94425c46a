import { type Rule, rules } from "../src/api/rules.ts";
import type { Fix } from "../src/diagnose/diagnosis.ts";

/** docs/faults: a page for every fault that `anyarch explain` knows, and one that lists them. */
export function faultPages(note: string): Record<string, string> {
  const all = rules().filter(({ source }) => source === "log");
  const pages: Record<string, string> = { "faults/README.md": contents(all, note) };
  for (const fault of all) pages[`faults/${fault.id}.md`] = page(fault, note);
  return pages;
}

function contents(all: readonly Rule[], note: string): string {
  const list = (architecture: boolean): string =>
    all
      .filter((fault) => fault.architecture === architecture)
      .map(({ id, title }) => `| [${id}](${id}.md) | ${cell(title)} |\n`)
      .join("");
  return [
    "# Faults\n\n",
    note,
    "What `anyarch explain` finds in the log of a failed build. `anyarch explain CODE` prints a page.\n\n",
    `## Of architecture and emulation\n\n| code | what is the matter |\n|---|---|\n${list(true)}\n`,
    `## Nothing to do with the architecture\n\n| code | what is the matter |\n|---|---|\n${list(false)}`,
  ].join("");
}

function page({ id, title, architecture, why, fixes, references, examples }: Rule, note: string): string {
  const kind =
    architecture === true
      ? "A fault of architecture or emulation."
      : "Nothing to do with the CPU architecture.";
  return [
    `# ${id}\n\n`,
    note,
    `${title}. ${kind}\n\n`,
    `## What it looks like\n\n${examples.map(fenced).join("\n")}\n`,
    `## Why\n\n${why}\n\n`,
    `## What helps\n\n${fixes.map(fixText).join("\n")}`,
    references.length === 0 ? "" : `\n## References\n\n${references.map((url) => `- <${url}>\n`).join("")}`,
  ].join("");
}

function fixText({ title, detail, workaround }: Fix, index: number): string {
  const hides = workaround === true ? " *Hides the fault, doesn't cure it.*" : "";
  return `${index + 1}. **${title}**${hides}\n\n${fenced(detail)}`;
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\`\n`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
