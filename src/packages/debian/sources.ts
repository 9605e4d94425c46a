import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../host/context.ts";
import { aptRoot } from "./apt-root.ts";
import { type Paragraph, parseParagraphs } from "./deb822.ts";
import type { DebianSource } from "./request.ts";

/** The suites of one release that belong together: "bookworm-security" belongs to "bookworm". */
const companion = /^(.+?)(?:-updates|-security|\/updates)$/;

/** Suites of Debian's own archive: what a source of another release may be derived from. */
const debianSuites: ReadonlySet<string> = new Set([
  ..."oldoldstable oldstable stable testing unstable sid".split(" "),
  ..."buster bullseye bookworm trixie forky duke".split(" "),
]);

/**
 * The sources of binary packages in apt's configuration that can be Debian's: http(s), not disabled, of the
 * component main. `$ANYARCH_APT_ROOT` stands for "/". Throws INPUT_INVALID where a file is malformed.
 */
export async function readAptSources(ctx: Context): Promise<DebianSource[]> {
  const root = aptRoot(ctx);
  const checkValidUntil = await readCheckValidUntil(ctx);
  const sources: DebianSource[] = [];
  const folder = root.resolve("/etc/apt/sources.list.d");
  const names = await readNames(folder);
  for (const path of [root.resolve("/etc/apt/sources.list"), ...names.map((name) => join(folder, name))]) {
    const text = await readOptional(path);
    if (text === undefined) continue;
    if (path.endsWith(".sources")) sources.push(...parseDeb822Sources(text, path));
    else if (path.endsWith(".list")) sources.push(...parseOneLineSources(text));
  }
  const resolved = await Promise.all(sources.map((source) => resolveMirrorFile(source, ctx)));
  return resolved
    .filter((source) => /^https?:\/\//.test(source.uri) && source.components.includes("main"))
    .map((source) => (checkValidUntil ? source : Object.assign({ checkValidUntil }, source)));
}

async function readNames(folder: string): Promise<string[]> {
  const names: string[] = await readdir(folder).catch(() => []);
  return names.sort();
}

async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

/** sources.list(5), "One-line-style format". */
export function parseOneLineSources(text: string): DebianSource[] {
  const sources: DebianSource[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/(?:^|\s)#.*$/, "").trim();
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line);
    if (match === null) continue;
    const [, optionText = "", uri = "", suite = "", components = ""] = match;
    if (suite.endsWith("/")) continue; // A flat repository: never Debian's own.
    const options = new Map(
      optionText
        .split(/\s+/)
        .filter((option) => option.includes("="))
        .map((option) => [
          option.slice(0, option.indexOf("=")).toLowerCase(),
          option.slice(option.indexOf("=") + 1),
        ]),
    );
    sources.push(
      makeSource({
        uri,
        suites: [suite],
        components: words(components),
        signedBy: options.get("signed-by"),
        architectures: options.get("arch")?.split(","),
        validUntil: options.get("check-valid-until"),
      }),
    );
  }
  return sources;
}

/** sources.list(5), "Deb822-style format": one source for each URI of each enabled paragraph. */
export function parseDeb822Sources(text: string, what: string): DebianSource[] {
  return parseParagraphs(text, what).flatMap((paragraph: Paragraph) => {
    const list = (name: string): string[] => words(paragraph.get(name) ?? "");
    const enabled = !/^(?:no|false|without|off|disable|0)$/i.test(paragraph.get("enabled") ?? "yes");
    if (!enabled || !list("types").includes("deb")) return [];
    const suites = list("suites").filter((suite) => !suite.endsWith("/"));
    if (suites.length === 0) return [];
    const architectures = list("architectures");
    return list("uris").map((uri) =>
      makeSource({
        uri,
        suites,
        components: list("components"),
        signedBy: unfoldSignedBy(paragraph.get("signed-by")),
        architectures: architectures.length > 0 ? architectures : undefined,
        validUntil: paragraph.get("check-valid-until"),
      }),
    );
  });
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}

/** An embedded key has "." for its blank line (deb822(5)). */
function unfoldSignedBy(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  const lines = value.split("\n").map((line) => (line.trim() === "." ? "" : line));
  return lines.join("\n").trim();
}

function makeSource(parts: {
  uri: string;
  suites: string[];
  components: string[];
  signedBy: string | undefined;
  architectures: string[] | undefined;
  validUntil: string | undefined;
}): DebianSource {
  return {
    uri: parts.uri.replace(/\/+$/, ""),
    suites: parts.suites,
    components: parts.components,
    ...(parts.signedBy !== undefined && { signedBy: parts.signedBy }),
    ...(parts.architectures !== undefined && { architectures: parts.architectures }),
    ...(parts.validUntil !== undefined && {
      checkValidUntil: !/^(?:no|false|0|off)$/i.test(parts.validUntil),
    }),
  };
}

/** `mirror+file:/path` names a list of mirrors (apt-transport-mirror(1)): its first one is taken. */
async function resolveMirrorFile(source: DebianSource, ctx: Context): Promise<DebianSource> {
  const path = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(source.uri)?.[1];
  if (path === undefined) return source;
  const text = (await readOptional(aptRoot(ctx).resolve(path))) ?? "";
  const first = text.split("\n").find((line) => /^https?:\/\//.test(line));
  return first === undefined ? source : { ...source, uri: (first.split(/\s/)[0] ?? "").replace(/\/+$/, "") };
}

/** `Acquire::Check-Valid-Until` of apt.conf(5), which is true unless somebody turned it off. */
async function readCheckValidUntil(ctx: Context): Promise<boolean> {
  const root = aptRoot(ctx);
  const folder = root.resolve("/etc/apt/apt.conf.d");
  const names = (await readNames(folder)).filter((name) => /^[\w-]+(?:\.conf)?$/.test(name));
  let check = true;
  for (const path of [...names.map((name) => join(folder, name)), root.resolve("/etc/apt/apt.conf")]) {
    const text = ((await readOptional(path)) ?? "").replace(/^\s*(?:\/\/|#).*$/gm, "");
    for (const [, value = ""] of text.matchAll(/Acquire::Check-Valid-Until\s+"([^"]*)"/gi)) {
      check = !/^(?:no|false|0|off|without|disable)$/i.test(value);
    }
  }
  return check;
}

/**
 * The sources that make up `suite`: those of the suite itself with its updates and security suites; where there
 * are none, those of another Debian release, turned to this one.
 */
export function selectSources(sources: readonly DebianSource[], suite: string): DebianSource[] {
  const own = pick(sources, (candidate) => (baseOf(candidate) === suite ? candidate : undefined));
  if (own.length > 0) return own;
  const rolling = /^(?:sid|unstable|experimental)$/.test(suite);
  return pick(sources, (candidate) => {
    const base = baseOf(candidate);
    if (!debianSuites.has(base) || (rolling && candidate !== base)) return undefined;
    return suite + candidate.slice(base.length);
  });
}

function baseOf(suite: string): string {
  return companion.exec(suite)?.[1] ?? suite;
}

function pick(
  sources: readonly DebianSource[],
  choose: (suite: string) => string | undefined,
): DebianSource[] {
  return sources.flatMap((source) => {
    const suites = [...new Set(source.suites.map(choose).filter((suite) => suite !== undefined))];
    return suites.length === 0 ? [] : [{ ...source, suites }];
  });
}
