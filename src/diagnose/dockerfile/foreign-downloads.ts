import { replaceOnLine, replaceWithTarget } from "./edits.ts";
import type { ArchName } from "./arch-names.ts";
import { type Download, downloadsOf, foreignArch, ruleOfUrl } from "./downloads.ts";
import type { DockerfileModel } from "./model.ts";
import { mappedWrongly, namingOf } from "./namings.ts";
import type { Remark } from "./rule.ts";
import { isNative } from "./uses.ts";

/** Where the publisher's names are known to follow TARGETARCH or uname, the name is derived from it. */
function editFor(
  model: DockerfileModel,
  { url, line, place }: Download,
  { arch, text }: ArchName,
): Pick<Remark, "edits"> {
  if (arch !== "amd64") return {};
  const pattern = new RegExp(`(?<![a-zA-Z0-9])${text}(?![a-zA-Z0-9])`);
  const naming = namingOf(url);
  if (naming === "go") return replaceWithTarget(model, place.facts, line, pattern, "${TARGETARCH}");
  if (naming !== "kernel" || place.facts.follows !== "target" || place.instruction.keyword !== "RUN")
    return {};
  return { edits: replaceOnLine(model, line, pattern, "$(uname -m)") };
}

/** Reports the downloads of rule `id` that name an architecture which isn't the target's. */
export function reportForeign(
  model: DockerfileModel,
  id: string,
  report: (remark: Remark) => void,
  message: (name: ArchName, download: Download) => string,
): void {
  for (const download of downloadsOf(model)) {
    const { view } = download.place;
    if (!isNative(view) || ruleOfUrl(download.url) !== id) continue;
    const name = foreignArch(download);
    if (name === undefined || mappedWrongly(download)) continue;
    report({
      line: download.line,
      message: message(name, download),
      architectures: [view.scenario.target.architecture],
      ...editFor(model, download, name),
    });
  }
}
