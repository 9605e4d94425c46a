import { replaceOnLine, replaceWithTarget } from "./edits.ts";
import { builtinNames, declaredArguments } from "../../dockerfile/arguments.ts";
import { envPairs } from "./stage-view.ts";
import { type ArchName, archNames, wholeArch, withoutArchs } from "./arch-names.ts";
import { archsOfUrl, type Download, downloadsOf, foreignArch, ruleOfUrl } from "./downloads.ts";
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

const families = new WeakMap<DockerfileModel, ReadonlyMap<unknown, ReadonlySet<string>>>();

/** The target's file is fetched too, beside this one: which is used is decided later. */
function hasTwin(model: DockerfileModel, { url, place }: Download): boolean {
  const known = families.get(model) ?? targetFamilies(model);
  families.set(model, known);
  return known.get(place.stage)?.has(withoutArchs(url)) === true;
}

/** Addresses that name the target's architecture, the name taken out, by stage of a scenario. */
function targetFamilies(model: DockerfileModel): ReadonlyMap<unknown, ReadonlySet<string>> {
  const found = new Map<unknown, Set<string>>();
  for (const { url, place } of downloadsOf(model)) {
    const { architecture } = place.view.scenario.target;
    if (!archsOfUrl(url).some(({ arch }) => arch === architecture)) continue;
    found.set(place.stage, (found.get(place.stage) ?? new Set()).add(withoutArchs(url)));
  }
  return found;
}

/** Whether the name comes out of an ARG or ENV that is a name of an architecture and nothing else. */
function isFromConstant(model: DockerfileModel, { place, use }: Download, { text }: ArchName): boolean {
  const { instruction, facts } = place;
  const source = use === undefined ? instruction.text : (model.script(instruction)?.text ?? "");
  if (source.includes(text)) return false;
  // A variable named after an architecture is one of several, and no finding itself.
  const holds = (name: string, value: string | undefined): boolean =>
    value !== undefined &&
    value.includes(text) &&
    wholeArch(value) !== undefined &&
    archNames(name.replaceAll("_", "-")).length === 0;
  const inherited = facts.parents.flatMap((parent) => model.stages[parent]?.stage.instructions ?? []);
  return [...model.dockerfile.globalArgs, ...inherited, ...facts.stage.instructions].some(
    (each) =>
      (each.keyword === "ENV" && envPairs(each).some(({ name, value }) => holds(name, value))) ||
      (each.keyword === "ARG" &&
        declaredArguments(each).some(
          ({ name, value }) => holds(name, value) && !builtinNames.includes(name),
        )),
  );
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
    if (name === undefined || mappedWrongly(download) || hasTwin(model, download)) continue;
    report({
      // The constant is a finding of its own.
      ...(isFromConstant(model, download, name) && { severity: "info" as const }),
      line: download.line,
      message: message(name, download),
      architectures: [view.scenario.target.architecture],
      ...editFor(model, download, name),
    });
  }
}
