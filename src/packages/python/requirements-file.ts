import { dirname, isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import { systemReason } from "../../errors/system-error.ts";
import type { Context } from "../../host/context.ts";
import { readTextFile } from "../../host/text-file.ts";
import { filenameOf } from "./lock.ts";
import { parseRequirement, type Requirement } from "./requirement.ts";
import { parseWheelName } from "./wheel-filename.ts";

/** Where a requirement file (or another configuration) says packages come from. */
export interface IndexOptions {
  readonly indexUrl?: string;
  readonly extraIndexUrls: readonly string[];
  /** URLs or absolute paths. */
  readonly findLinks: readonly string[];
  readonly noIndex: boolean;
  readonly trustedHosts: readonly string[];
}

/** One requirement of a file. */
export interface RequirementLine {
  /** Absent for a path or URL that doesn't say which package it is. */
  readonly requirement?: Requirement;
  /** Absolute; a directory, sdist or wheel on the host. */
  readonly path?: string;
  /** Extras written after a path: `.[web]`. */
  readonly pathExtras: readonly string[];
  readonly url?: string;
  readonly marker?: string;
  /** `algorithm:hex`. */
  readonly hashes: readonly string[];
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A requirement file with all those that it includes. */
export interface RequirementsFile {
  readonly requirements: readonly RequirementLine[];
  readonly constraints: readonly RequirementLine[];
  readonly index: IndexOptions;
  /** True after a line `--no-deps`: the file names everything that is installed. */
  readonly noDeps: boolean;
  readonly requireHashes: boolean;
  readonly prereleases: boolean;
}

interface Collected {
  readonly requirements: RequirementLine[];
  readonly constraints: RequirementLine[];
  indexUrl?: string;
  readonly extraIndexUrls: string[];
  readonly findLinks: string[];
  readonly trustedHosts: string[];
  noIndex: boolean;
  noDeps: boolean;
  requireHashes: boolean;
  prereleases: boolean;
}

/**
 * Reads a requirement file in pip's format: `-r`, `-c`, `-e`, index options, hashes, markers, continuation
 * lines, comments and ${VARIABLES}. Relative paths are relative to the file that names them, as `-r` and `-c`
 * are; requirements by path are relative to `directory`, where pip would be run. Throws LOCK_INVALID naming
 * file and line.
 */
export async function readRequirementsFile(
  path: string,
  directory: string,
  ctx: Context,
): Promise<RequirementsFile> {
  const into: Collected = {
    requirements: [],
    constraints: [],
    extraIndexUrls: [],
    findLinks: [],
    trustedHosts: [],
    noIndex: false,
    noDeps: false,
    requireHashes: false,
    prereleases: false,
  };
  await readInto(into, { path, directory, constraint: false, trail: [] }, ctx);
  const { requirements, constraints, noDeps, requireHashes, prereleases, ...index } = into;
  return { requirements, constraints, noDeps, requireHashes, prereleases, index };
}

interface Frame {
  readonly path: string;
  readonly directory: string;
  readonly constraint: boolean;
  readonly trail: readonly string[];
}

async function readInto(into: Collected, frame: Frame, ctx: Context): Promise<void> {
  const { path, trail } = frame;
  if (trail.includes(path))
    throw new AnyarchError("LOCK_INVALID", `${path} includes itself: ${[...trail, path].join(" → ")}.`);
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    if (error instanceof AnyarchError) throw error;
    const from = trail.at(-1);
    throw new AnyarchError(
      "INPUT_UNREADABLE",
      `The requirement file ${path}${from === undefined ? "" : `, named in ${from},`} can't be read: ${systemReason(error)}.`,
      { cause: error, hint: "Check the path: -r and -c are relative to the file that holds them." },
    );
  }
  for (const { line, text: logical } of logicalLines(text)) {
    const expanded = logical.replace(/\$\{([A-Z0-9_]+)\}/g, (all, name: string) => ctx.host.env[name] ?? all);
    const invalid = (why: string): AnyarchError =>
      new AnyarchError("LOCK_INVALID", `${path}:${line}: ${why}`, {
        hint: "The file has to be in pip's requirement file format.",
        details: { path, line },
      });
    if (expanded.startsWith("-") && !/^(?:-e|--editable)\b/.test(expanded)) {
      for (const include of applyOptions(into, expanded, frame, invalid))
        await readInto(into, { ...frame, ...include, trail: [...trail, path] }, ctx);
    } else {
      const parsed = parseLine(expanded, frame, line, invalid);
      (frame.constraint ? into.constraints : into.requirements).push(parsed);
    }
  }
}

/** Joins continued lines and drops comments, as pip does: a comment line isn't continued. */
export function logicalLines(text: string): readonly { readonly line: number; readonly text: string }[] {
  const result: { line: number; text: string }[] = [];
  let pending: { line: number; text: string } | undefined;
  const flush = (): void => {
    const joined = pending?.text.replace(/(?:^|\s+)#.*$/, "").trim();
    if (pending !== undefined && joined) result.push({ line: pending.line, text: joined });
    pending = undefined;
  };
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    const comment = /^\s*#/.test(raw);
    const continued = raw.endsWith("\\") && !comment;
    const piece = continued ? raw.slice(0, -1) : raw;
    pending ??= { line: index + 1, text: "" };
    pending.text += comment ? ` ${raw.trim()}` : piece;
    if (!continued) flush();
  }
  flush();
  return result;
}

const valueOptions: Readonly<Record<string, string>> = {
  "-r": "--requirement",
  "-c": "--constraint",
  "-i": "--index-url",
  "-f": "--find-links",
};

/** Applies the options of a line; returns the files that it includes. */
function applyOptions(
  into: Collected,
  text: string,
  frame: Frame,
  invalid: (why: string) => AnyarchError,
): readonly { readonly path: string; readonly constraint: boolean }[] {
  const includes: { path: string; constraint: boolean }[] = [];
  const words = text.split(/\s+/);
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, short, attached] = /^(-[rcif])(.+)$/.exec(word) ?? [];
    const [written = "", inline] = short === undefined ? word.split(/=(.*)/s, 2) : [short, attached];
    const option = valueOptions[written] ?? written;
    const value = (): string => {
      const found = inline ?? words.shift();
      if (found === undefined) throw invalid(`${option} has no value.`);
      return found.replace(/^(["'])(.*)\1$/, "$2");
    };
    switch (option) {
      case "--requirement":
      case "--constraint":
        includes.push({
          path: localPath(value(), dirname(frame.path), invalid),
          constraint: option === "--constraint" || frame.constraint,
        });
        break;
      case "--index-url":
        into.indexUrl = value();
        break;
      case "--extra-index-url":
        into.extraIndexUrls.push(value());
        break;
      case "--find-links":
        into.findLinks.push(linksLocation(value(), dirname(frame.path)));
        break;
      case "--trusted-host":
        into.trustedHosts.push(value());
        break;
      default:
        applyFlag(into, option, value, invalid);
    }
  }
  return includes;
}

function applyFlag(
  into: Collected,
  option: string,
  value: () => string,
  invalid: (why: string) => AnyarchError,
): void {
  if (option === "--no-index") into.noIndex = true;
  else if (option === "--no-deps") into.noDeps = true;
  else if (option === "--require-hashes") into.requireHashes = true;
  else if (option === "--pre") into.prereleases = true;
  // Only wheels are selected anyway, and a preference between wheel and sdist never arises.
  else if (["--no-binary", "--only-binary", "--use-feature"].includes(option)) value();
  else if (option !== "--prefer-binary") throw invalid(`${option} isn't an option of requirement files.`);
}

function linksLocation(location: string, base: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(location) ? location : resolve(base, location);
}

function localPath(location: string, base: string, invalid: (why: string) => AnyarchError): string {
  if (location.startsWith("file:")) return fileURLToPath(location);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(location))
    throw invalid(`${location} is remote; download it and name the file instead.`);
  return isAbsolute(location) ? location : resolve(base, location);
}

function parseLine(
  text: string,
  frame: Frame,
  line: number,
  invalid: (why: string) => AnyarchError,
): RequirementLine {
  const hashes: string[] = [];
  const body = text
    .replace(/\s--hash[=\s]\s*(\w+):([0-9a-f]+)(?=\s|$)/gi, (_all, algorithm: string, hex: string) => {
      hashes.push(`${algorithm.toLowerCase()}:${hex.toLowerCase()}`);
      return "";
    })
    .replace(/\s--(?:config-settings?|global-option|install-option)[=\s]\s*(?:"[^"]*"|\S+)/g, "")
    .replace(/^(?:-e|--editable)[=\s]\s*/, "")
    .trim();
  const unknown = /\s(--?[a-z][a-z-]*)/i.exec(body)?.[1];
  if (unknown !== undefined && !body.includes(";"))
    throw invalid(`${unknown} isn't an option of requirements.`);
  const base = { hashes, file: frame.path, line, pathExtras: [] };
  const located = parseLocation(body, frame.directory);
  if (located !== undefined) return { ...base, ...located };
  try {
    const requirement = parseRequirement(body);
    const { url, marker } = requirement;
    return {
      ...base,
      requirement,
      ...(url !== undefined && { url }),
      ...(marker !== undefined && { marker }),
    };
  } catch (error) {
    throw invalid((error as Error).message);
  }
}

/** A requirement by path or bare URL: `.`, `./dir[extra]`, `x-1-py3-none-any.whl`, `https://…/x.whl ; marker`. */
function parseLocation(body: string, directory: string): Partial<RequirementLine> | undefined {
  const [, location = "", spaced, glued] = /^(\S+?)(?:\s+;\s*(.+)|;\s+(.+))?$/.exec(body) ?? [];
  const marker = spaced ?? glued;
  const withMarker = marker === undefined ? {} : { marker };
  if (/^(?:[a-z]+\+)?[a-z][a-z0-9.-]*:\/\//i.test(location)) {
    if (location.startsWith("file:"))
      return {
        ...withMarker,
        ...named(filenameOf(location)),
        path: fileURLToPath(location.split("#", 1)[0] ?? ""),
      };
    const egg = /[#&]egg=([A-Za-z0-9._-]+)/.exec(location)?.[1];
    return { ...withMarker, ...named(filenameOf(location), egg), url: location };
  }
  const [, path = "", extras = ""] = /^(.*?)(?:\[([^\]]*)\])?$/.exec(location) ?? [];
  if (!/^\.{1,2}(?:\/|$)|\//.test(path) && !/\.(?:whl|tar\.gz|zip)$/i.test(path)) return undefined;
  const pathExtras = extras.split(",").map((extra) => extra.trim());
  return {
    ...withMarker,
    ...named(filenameOf(path)),
    path: resolve(directory, path),
    pathExtras: pathExtras.filter(Boolean),
  };
}

function named(filename: string, name?: string): { requirement?: Requirement } {
  const wheel = parseWheelName(filename);
  if (wheel !== undefined) return { requirement: parseRequirement(`${wheel.name}==${wheel.version}`) };
  return name === undefined ? {} : { requirement: parseRequirement(name) };
}
