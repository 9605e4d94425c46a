import { baseName, type Download, downloadsOf } from "../../dockerfile/downloads.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, placesOf, usesOf, type Use } from "../../dockerfile/uses.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";

const hash = /\b[0-9a-f]{32}(?:[0-9a-f]{8})?(?:[0-9a-f]{24})?(?:[0-9a-f]{64})?\b/i;

export const rule: DockerfileRule = {
  id: "checksum-single-arch",
  severity: "warning",
  title: "One checksum stands for files that differ between architectures",
  why: "The file differs by architecture and its checksum is of one: the check fails for every other target.",
  fix: "Keep one checksum for each architecture beside its file name, or check against the publisher's signed list.",
  bad: [
    'FROM debian:12\nARG TARGETARCH\nRUN curl -fsSLo /t.tgz https://dl.example.com/t-${TARGETARCH}.tgz && echo "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  /t.tgz" | sha256sum -c -\n',
  ],
  good: [
    'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) H=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef ;; arm64) H=1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef ;; *) exit 1 ;; esac && curl -fsSLo /t.tgz https://dl.example.com/t-${TARGETARCH}.tgz && echo "$H  /t.tgz" | sha256sum -c -\n',
  ],
  mentions: /[0-9a-f]{32}/i,
  check(model, report) {
    const varying = varyingDownloads(model);
    const seen = new Map<string, Map<string, Use>>();
    const written = new Map<string, string>();
    for (const use of usesOf(model)) {
      if (!isNative(use.view)) continue;
      const { executed, facts } = use;
      const stage = `${facts.index}/${use.view.scenario.target.architecture}/`;
      for (const path of executed.outputs) written.set(`${stage}${path}`, executed.argv.join(" "));
      const text = checkedText(use, (path) => written.get(`${stage}${path}`));
      const found = text === undefined ? null : hash.exec(text);
      if (text === undefined || found === null || !isOfVarying(use, text, varying)) continue;
      const byArch = seen.get(`${use.instruction.line}:${found[0]}`) ?? new Map<string, Use>();
      byArch.set(use.view.scenario.target.architecture, use);
      seen.set(`${use.instruction.line}:${found[0]}`, byArch);
    }
    const message = "The file differs between architectures; this checksum is of one.";
    for (const byArch of seen.values()) {
      const [first] = byArch.values();
      if (byArch.size > 1 && first !== undefined) report({ line: first.line, message });
    }
    for (const { instruction } of placesOf(model)) {
      if (instruction.keyword !== "ADD" || !varying.some(({ place }) => place.instruction === instruction))
        continue;
      const checksum = instruction.flags.find(({ name }) => name === "checksum")?.value ?? "";
      if (hash.test(checksum) && !checksum.includes("$")) report({ line: instruction.line, message });
    }
  },
};

/** What a command compares checksums with: its input, its arguments, or the file of sums that was written before. */
function checkedText(
  { program, args, executed }: Use,
  written: (path: string) => string | undefined,
): string | undefined {
  if (program === "test" || program === "[" || program === "[[") return args.join(" ");
  if (!/^(?:sha\d*sum|shasum|md5sum|openssl|b2sum|rhash|gsha256sum)$/.test(program)) return undefined;
  if (executed.input !== "") return executed.input;
  return args.map(written).find((text) => text !== undefined) ?? args.join(" ");
}

/** Whether a sum is of a file that differs: by the file's name, or as the only one that the same RUN fetches. */
function isOfVarying(use: Use, text: string, varying: readonly Download[]): boolean {
  const here = varying.filter(
    ({ place }) => place.view === use.view && place.facts.index === use.facts.index,
  );
  const names = here.flatMap(({ outputs }) => outputs.map(baseName)).filter((name) => name.length > 2);
  if (names.some((name) => text.includes(name))) return true;
  const mine = here.filter(({ place }) => place.instruction === use.instruction);
  const all = downloadsOf(use.model).filter(
    ({ place }) => place.view === use.view && place.instruction === use.instruction,
  );
  return mine.length > 0 && mine.length === all.length && new Set(all.map(({ url }) => url)).size === 1;
}

/** Downloads whose command fetches another file for another target. */
function varyingDownloads(model: DockerfileModel): readonly Download[] {
  const native = downloadsOf(model).filter(({ place }) => isNative(place.view));
  const urls = new Map<unknown, Map<string, string>>();
  const keyOf = ({ use, place }: Download): unknown => use?.executed.command ?? place.instruction;
  for (const download of native) {
    const byArch = urls.get(keyOf(download)) ?? new Map<string, string>();
    const { architecture } = download.place.view.scenario.target;
    byArch.set(architecture, `${byArch.get(architecture) ?? ""} ${download.url}`);
    urls.set(keyOf(download), byArch);
  }
  return native.filter((download) => new Set(urls.get(keyOf(download))?.values()).size > 1);
}
