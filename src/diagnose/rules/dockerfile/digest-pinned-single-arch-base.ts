import type { DockerfileModel } from "../../dockerfile/model.ts";
import { archNames } from "../../dockerfile/arch-names.ts";
import { suffixArch } from "../../dockerfile/images.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "digest-pinned-single-arch-base",
  severity: "info",
  title: "FROM pins a digest that may be of one architecture",
  why: "A digest of one platform's manifest is that platform for every target; only the index's digest holds all.",
  fix: "Pin the digest of the index (`docker buildx imagetools inspect NAME`), and note that it is one.",
  bad: [
    "FROM debian:12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
    "# amd64 manifest of 3.20\nFROM alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
  ],
  good: ["FROM debian:12\n"],
  mentions: /@sha256:/,
  check(model, report) {
    for (const { stage, follows, index } of model.stages) {
      const image = model.views.map(({ stages }) => stages[index]?.base).find(Boolean) ?? stage.base;
      if (!image.includes("@sha256:") || suffixArch(image) !== undefined) continue;
      const { line } = stage.from;
      const comment = commentAbove(model, line);
      const isIndex =
        /\b(?:index|manifest[- ]lists?|multi-?arch\w*|multi-?platform|fat manifest|all (?:platforms|architectures))\b/i.test(
          comment,
        ) && !/\bnot (?:an? |the )?(?:index|manifest|multi)/i.test(comment);
      if (isIndex) continue;
      const arch = follows === "constant" ? undefined : archOf(comment);
      const says = arch !== undefined;
      report({
        line,
        severity: says ? "error" : "info",
        message: says
          ? `The digest is ${arch}'s, as the comment says.`
          : "Only the index's digest holds every platform.",
      });
    }
  },
};

/** The comment lines right above an instruction. */
function commentAbove(model: DockerfileModel, line: number): string {
  const found: string[] = [];
  for (let above = line - 2; above >= 0 && found.length < 6; above--) {
    const text = (model.lines[above] ?? "").trim();
    if (!text.startsWith("#") || /^#\s*(?:syntax|escape|check)\s*=/i.test(text)) break;
    found.unshift(text.slice(0, 300));
  }
  return found.join(" ");
}

/** The architecture that a comment says a digest is of: the only one that it names, or the first of "…, not arm64". */
function archOf(comment: string): string | undefined {
  const names = archNames(comment);
  const [first, second] = names;
  if (first === undefined || names.every(({ arch }) => arch === first.arch)) return first?.arch;
  if (second === undefined) return undefined;
  const between = comment.slice(first.at + first.text.length, second.at);
  // "amd64 and arm64", "amd64/arm64": both.
  return /^\W*(?:and|und|or|linux)?\W*(?:linux\W)?$/i.test(between) ? undefined : first.arch;
}
