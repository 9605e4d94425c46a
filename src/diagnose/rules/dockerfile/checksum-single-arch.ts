import { downloadsOf } from "../../dockerfile/downloads.ts";
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
  check(model, report) {
    const varying = varyingDownloads(model);
    const seen = new Map<string, Map<string, Use>>();
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || !varying.has(use.instruction)) continue;
      const checks = /^(?:sha\d*sum|shasum|md5sum|openssl|b2sum)$/.test(use.program);
      const found = checks
        ? hash.exec(use.executed.input || use.args.join(" "))
        : use.program === "test" || use.program === "["
          ? hash.exec(use.args.join(" "))
          : null;
      if (found === null) continue;
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
      if (instruction.keyword !== "ADD" || !varying.has(instruction)) continue;
      const checksum = instruction.flags.find(({ name }) => name === "checksum")?.value ?? "";
      if (hash.test(checksum) && !checksum.includes("$")) report({ line: instruction.line, message });
    }
  },
};

/** Instructions that fetch another file for another target. */
function varyingDownloads(model: DockerfileModel): ReadonlySet<unknown> {
  const urls = new Map<unknown, Map<string, Set<string>>>();
  for (const { place, url } of downloadsOf(model)) {
    if (!isNative(place.view)) continue;
    const byArch = urls.get(place.instruction) ?? new Map<string, Set<string>>();
    const { architecture } = place.view.scenario.target;
    byArch.set(architecture, (byArch.get(architecture) ?? new Set()).add(url));
    urls.set(place.instruction, byArch);
  }
  const varying = new Set<unknown>();
  for (const [instruction, byArch] of urls) {
    const sets = [...byArch.values()].map((set) => [...set].sort().join(" "));
    // One file only: with several it isn't known which the checksum is of.
    const single = [...byArch.values()].every((set) => set.size === 1);
    if (new Set(sets).size > 1 && single) varying.add(instruction);
  }
  return varying;
}
