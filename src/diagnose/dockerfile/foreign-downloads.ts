import type { ArchName } from "./arch-names.ts";
import { type Download, downloadsOf, foreignArch, ruleOfUrl } from "./downloads.ts";
import type { DockerfileModel } from "./model.ts";
import { mappedWrongly } from "./namings.ts";
import type { Remark } from "./rule.ts";
import { isNative } from "./uses.ts";

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
    });
  }
}
