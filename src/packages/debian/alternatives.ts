import type { Entry } from "../../archive/entry.ts";
import { textFile } from "./dpkg-database.ts";
import { mergeIntoUsr } from "./usr-merge.ts";

interface Link {
  readonly name: string;
  /** Absolute: where the generic name lies. */
  readonly link: string;
  /** Absolute: what it stands for. */
  readonly path: string;
}

/** One `update-alternatives --install` of a maintainer script. */
export interface Alternative extends Link {
  readonly priority: number;
  readonly slaves: readonly Link[];
}

export interface FoundAlternatives {
  readonly alternatives: readonly Alternative[];
  /** Calls with shell variables in them, which nobody can know without running the script. */
  readonly unreadable: number;
}

/** Finds the calls of update-alternatives whose arguments are plain words. */
export function findAlternatives(script: string): FoundAlternatives {
  const alternatives: Alternative[] = [];
  let unreadable = 0;
  const joined = script.replace(/\\\n/g, " ").replace(/^\s*#.*$/gm, "");
  for (const [, rest = ""] of joined.matchAll(
    /\bupdate-alternatives\b(?:\s+--(?:quiet|force))*\s+--install\s+([^\n;&|]+)/g,
  )) {
    const words = rest
      .split(/\s+/)
      .filter((word) => word !== "" && !/^\d?>/.test(word))
      .map((word) => word.replace(/^(["'])(.*)\1$/, "$2"));
    const found = words.some((word) => /[$`"'*?{}]/.test(word)) ? undefined : readCall(words);
    if (found === undefined) unreadable++;
    else alternatives.push(found);
  }
  return { alternatives, unreadable };
}

function readCall(words: readonly string[]): Alternative | undefined {
  const [link, name, path, priority] = words;
  if (link === undefined || name === undefined || path === undefined) return undefined;
  if (!link.startsWith("/") || !path.startsWith("/") || !/^-?\d+$/.test(priority ?? "")) return undefined;
  const slaves: Link[] = [];
  for (let at = 4; words[at] === "--slave"; at += 4) {
    const [slaveLink, slaveName, slavePath] = words.slice(at + 1, at + 4);
    if (slaveLink === undefined || slaveName === undefined || slavePath === undefined) return undefined;
    slaves.push({ link: slaveLink, name: slaveName, path: slavePath });
  }
  return { link, name, path, priority: Number(priority), slaves };
}

/**
 * The links and the database that update-alternatives would leave in its automatic mode, for those alternatives
 * that exist in the image.
 */
export function alternativeEntries(all: readonly Alternative[], exists: (path: string) => boolean): Entry[] {
  const present = (path: string): boolean => exists(mergeIntoUsr(path.slice(1)));
  const byName = new Map<string, Alternative[]>();
  for (const one of all) {
    if (present(one.path)) byName.set(one.name, [...(byName.get(one.name) ?? []), one]);
  }
  return [...byName].flatMap(([name, choices]) => {
    const sorted = choices.toSorted((a, b) => b.priority - a.priority || (a.path < b.path ? -1 : 1));
    const best = sorted[0];
    if (best === undefined) return [];
    const links = [best, ...best.slaves.filter((slave) => present(slave.path))];
    return [
      textFile(`var/lib/dpkg/alternatives/${name}`, databaseText(sorted)),
      ...links.flatMap((one): Entry[] => [
        symlink(`etc/alternatives/${one.name}`, one.path),
        symlink(mergeIntoUsr(one.link.slice(1)), `/etc/alternatives/${one.name}`),
      ]),
    ];
  });
}

function symlink(path: string, target: string): Entry {
  return { type: "symlink", path, mode: 0o777, target };
}

/** The file format of update-alternatives: mode, master link, slaves, then the choices with their slaves' paths. */
function databaseText(choices: readonly Alternative[]): string {
  const slaves = new Map(choices.flatMap((choice) => choice.slaves).map((slave) => [slave.name, slave.link]));
  const names = [...slaves.keys()].sort();
  const lines = ["auto", choices[0]?.link ?? ""];
  for (const name of names) lines.push(name, slaves.get(name) ?? "");
  lines.push("");
  for (const choice of choices.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    lines.push(choice.path, String(choice.priority));
    for (const name of names) lines.push(choice.slaves.find((slave) => slave.name === name)?.path ?? "");
  }
  return `${lines.join("\n")}\n\n`;
}
