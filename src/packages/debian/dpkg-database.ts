import type { Entry, FileEntry } from "../../archive/entry.ts";
import type { OpenedPackage } from "./deb-store.ts";
import type { ReplacedFiles } from "./file-tree.ts";

const root = "var/lib/dpkg";

export function textFile(path: string, text: string, mode = 0o644): FileEntry {
  const bytes = new TextEncoder().encode(text);
  return { type: "file", path, mode, size: bytes.byteLength, content: { bytes } };
}

export function directory(path: string, mode = 0o755): Entry {
  return { type: "directory", path, mode };
}

/**
 * dpkg's database as dpkg itself would have left it after configuring all packages: `dpkg -l`, `dpkg --verify`
 * and vulnerability scanners read it. Packages must be sorted by name.
 */
export function dpkgDatabase(
  packages: readonly OpenedPackage[],
  architecture: string,
  replaced: ReplacedFiles,
): Entry[] {
  const entries: Entry[] = [
    ...["alternatives", "info", "parts", "triggers", "updates"].map((name) => directory(`${root}/${name}`)),
    textFile(`${root}/arch`, `${architecture}\n`),
    textFile(`${root}/available`, ""),
    textFile(`${root}/diversions`, ""),
    textFile(`${root}/statoverride`, ""),
    textFile(`${root}/info/format`, "1\n"),
    textFile(`${root}/status`, packages.map(statusParagraph).join("")),
  ];
  for (const one of packages) entries.push(...infoFiles(one, replaced.get(one.locked.name)));
  return [...entries, ...triggerFiles(packages)];
}

/** dpkg names the files of `Multi-Arch: same` packages with their architecture. */
function infoName(one: OpenedPackage): string {
  const same = /^Multi-Arch:\s*same\s*$/im.test(one.control);
  return same ? `${one.locked.name}:${one.locked.architecture}` : one.locked.name;
}

function infoFiles(one: OpenedPackage, replaced: ReadonlySet<string> | undefined): Entry[] {
  const base = `${root}/info/${infoName(one)}`;
  const paths = one.entries.map((entry) => entry.path).filter((path) => replaced?.has(path) !== true);
  const list = `${["/.", ...paths.map((path) => `/${path}`)].join("\n")}\n`;
  const files = one.info.map((file): Entry => ({ ...file, path: `${base}.${file.path}` }));
  return [textFile(`${base}.list`, list), ...files];
}

function statusParagraph(one: OpenedPackage): string {
  const control = one.control.replace(/\n+$/, "");
  const lines = control.split("\n");
  const conffiles = conffileLines(one);
  const description = lines.findIndex((line) => /^Description:/i.test(line));
  if (conffiles.length > 0)
    lines.splice(description < 0 ? lines.length : description, 0, "Conffiles:", ...conffiles);
  const first = lines.findIndex((line) => /^Package:/i.test(line));
  lines.splice(first + 1, 0, "Status: install ok installed");
  return `${lines.join("\n")}\n\n`;
}

function conffileLines(one: OpenedPackage): string[] {
  return one.conffiles.map(({ path, md5 }) => ` /${path} ${md5}`);
}

/** Interests in triggers (deb-triggers(5)): by file in `File`, by name in a file of that name. */
function triggerFiles(packages: readonly OpenedPackage[]): Entry[] {
  const byName = new Map<string, string[]>([["File", []]]);
  for (const one of packages) {
    for (const line of one.texts.triggers.split("\n")) {
      const match = /^\s*interest(-await|-noawait)?\s+(\S+)/.exec(line);
      if (match === null) continue;
      const [, wait, trigger = ""] = match;
      const name = infoName(one) + (wait === "-noawait" ? "/noawait" : "");
      const [file, text] = trigger.startsWith("/") ? ["File", `${trigger} ${name}`] : [trigger, name];
      byName.set(file, [...(byName.get(file) ?? []), text]);
    }
  }
  return [
    ...[...byName].map(([name, lines]) =>
      textFile(`${root}/triggers/${name}`, lines.map((line) => `${line}\n`).join("")),
    ),
    textFile(`${root}/triggers/Unincorp`, ""),
    textFile(`${root}/triggers/Lock`, ""),
  ];
}
