/** docs/rules/: one page for every rule of `check`, from the rule's own file. */
import { dockerfileRules } from "../src/diagnose/rules/dockerfile-rules.ts";
import type { ProgramFile } from "../src/diagnose/dockerfile/context-files.ts";
import type { DockerfileRule, DockerfileSample } from "../src/diagnose/dockerfile/rule.ts";

export function rulePages(note: string): Readonly<Record<string, string>> {
  const rows = dockerfileRules.map(
    ({ id, severity, title }) => `| [\`${id}\`](${id}.md) | ${severity} | ${title} |`,
  );
  return {
    "rules/README.md": `# Rules of anyarch check\n\n${note}| rule | severity | finds |\n|---|---|---|\n${rows.join("\n")}\n`,
    ...Object.fromEntries(dockerfileRules.map((rule) => [`rules/${rule.id}.md`, page(rule, note)])),
  };
}

function page(
  { id, severity, title, why, fix, bad, good, references }: DockerfileRule,
  note: string,
): string {
  const sample = (given: DockerfileSample): string => {
    if (typeof given === "string") return `\`\`\`dockerfile\n${given}\`\`\`\n`;
    const { Dockerfile: text, ...files } = given;
    return `\`\`\`dockerfile\n${text}\`\`\`\n\nWith these files:\n\n${Object.entries(files).map(listed).join("")}`;
  };
  return [
    `# ${id}\n\n${note}**${title}** (${severity})\n\n${why}\n\n`,
    `## Fix\n\n${fix}\n\nTo silence it: \`# check=skip=${id}\` above the instruction or at the top of the file, or \`skip = ["${id}"]\` under \`[check]\` in anyarch.toml.\n\n`,
    `## Found\n\n${bad.map(sample).join("\n")}\n`,
    `## Not found\n\n${good.map(sample).join("\n")}`,
    references === undefined
      ? ""
      : `\n## References\n\n${references.map((address) => `- <${address}>\n`).join("")}`,
  ].join("");
}

/** One file of a sample: small contents as they are. */
function listed([path, content]: readonly [string, string | ProgramFile]): string {
  return typeof content === "string"
    ? `- \`${path}\`: \`${content.trim().replaceAll("\n", "\\n")}\`\n`
    : `- \`${path}\`, a program for ${content.machine}\n`;
}
