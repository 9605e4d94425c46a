import { buildCommand, type RequirementsReport } from "./report.ts";
import { runSnippets } from "./snippets.ts";
import { list, sizeWords } from "./words.ts";

/**
 * The report as a section of a README, from its heading to its last line break. Without digests and exact sizes, so
 * that it changes only where the requirements do; tables as formatters of Markdown leave them.
 */
export function requirementsMarkdown(report: RequirementsReport): string {
  const { name, location, platforms } = report;
  const called = name ?? location;
  const all = platforms.map(({ platform }) => platform);
  const parts = [
    "## Architecture requirements",
    `\`${called}\` is for ${list(all)}. What each needs was read from the ELF files in it.`,
    table(
      ["Platform", "Processor", "C library in the image", "Linux", "Download", "On disk"],
      platforms.map((each) => [
        each.platform,
        each.words.processor,
        each.words.libc,
        each.words.kernel,
        sizeWords(each.compressed),
        sizeWords(each.unpacked),
      ]),
    ),
    ...remarks(report),
    "### Where it runs",
    ...whereItRuns(report),
    "### Build it",
    fence("sh", buildLines(all, name)),
    "### Run it",
    ...runSnippets(report).flatMap(({ title, language, text }) => [`${title}:`, fence(language, text)]),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Bases that mean something on the machine of the build only. */
const isLocal = /^(?:oci|oci-archive|docker-archive):/;

function remarks({ platforms }: RequirementsReport): readonly string[] {
  const bases = new Map<string, string[]>();
  for (const { platform, base } of platforms)
    if (base && !isLocal.test(base.name)) bases.set(base.name, [...(bases.get(base.name) ?? []), platform]);
  const wrong = platforms.filter(({ ok }) => !ok).map(({ platform }) => platform);
  const named = [...bases].map(([name, of]) =>
    of.length === platforms.length ? `\`${name}\`` : `\`${name}\` (${list(of)})`,
  );
  return [
    ...(named.length > 0 ? [`Base image: ${named.join(", ")}.`] : []),
    ...(wrong.length > 0
      ? [`**Faulty:** \`anyarch verify\` finds files in ${list(wrong)} that don't run there.`]
      : []),
  ];
}

function whereItRuns({ places, platforms, asOf }: RequirementsReport): readonly string[] {
  const rows = places.flatMap(({ name, runs, lacks }) => [
    ...runs.map(({ platform, machines, setting = "" }) => [name, platform, machines, code(setting)]),
    ...(runs.length > 0
      ? []
      : lacks.map(({ platform, machines }) => [name, `needs ${platform}`, machines, ""])),
  ]);
  const missing = [...new Set(places.flatMap(({ lacks }) => lacks.map(({ platform }) => platform)))];
  const build = buildCommand([...platforms.map(({ platform }) => platform), ...missing]);
  const notes = places.flatMap(({ name, note, runs }) =>
    note === undefined || runs.length === 0 ? [] : [`- ${name}: ${note}`],
  );
  return [
    table(["Where", "Platform", "Machines", "Setting"], rows),
    ...(notes.length > 0 ? [notes.join("\n")] : []),
    ...(missing.length > 0 ? [`Not in the image: ${list(missing)}. \`${build}\` adds what is missing.`] : []),
    `What these services offer was looked up on ${asOf}.`,
  ];
}

function buildLines(platforms: readonly string[], name: string | undefined): string {
  const each = platforms.map((platform) => buildCommand([platform], name));
  if (each.length < 2) return each.join("\n");
  return [buildCommand(platforms, name), "", "# one platform only", ...each].join("\n");
}

function code(setting: string): string {
  if (setting === "") return "";
  const [, service = "", rest = setting] = /^(EKS: |AKS: )?(.*)$/.exec(setting) ?? [];
  return `${service}${rest
    .split(", ")
    .map((part) => `\`${part}\``)
    .join(", ")}`;
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** With cells padded to their column. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill = " "): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width, fill)).join(" | ")} |`;
  return [line(head), line([], "-"), ...rows.map((row) => line(row))].join("\n");
}
