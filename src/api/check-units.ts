import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import type { ContextFiles } from "../diagnose/dockerfile/context-files.ts";
import type { DockerfileModel } from "../diagnose/dockerfile/model.ts";
import type { NamedBuild } from "../diagnose/files/compose.ts";
import type { ContextDirectory } from "../diagnose/files/context-directory.ts";
import { guessContext, openContext } from "../diagnose/files/context-root.ts";
import { findBuildFiles, kindOfFile } from "../diagnose/files/find.ts";
import { AnyarchError } from "../errors/error.ts";
import { readTextFile } from "../host/text-file.ts";
import { parsePlatform, type Platform } from "../oci/platform.ts";
import type { CheckOptions } from "./check.ts";

/** One text to check, under the name that findings give. */
export interface Unit {
  readonly file: string;
  readonly text: string;
  /** Absent for text that is no file of its own. */
  readonly path?: string;
  /** Absolute: what a compose or bake file says. */
  readonly context?: string;
  /** Lines before the text in `file`. */
  readonly offset: number;
  readonly platforms: readonly Platform[];
}

/** What the paths name, compose and bake files first: they know for which platforms, and with which context. */
export async function unitsOf(options: CheckOptions, cwd: string): Promise<Unit[]> {
  const platforms = (options.platforms ?? []).flatMap((list) => list.split(",")).map(parsePlatform);
  const units = new Map<string, Unit>();
  const add = (unit: Unit): void => void (units.has(unit.file) || units.set(unit.file, unit));
  const addFile = async (
    path: string,
    kind = kindOfFile(path.slice(path.lastIndexOf("/") + 1)) ?? "dockerfile",
    own = platforms,
    context?: string,
  ): Promise<void> => {
    const file = shown(path, cwd);
    const text = textOf(path, file);
    if (kind === "dockerfile") {
      add({ file, text, path, offset: 0, platforms: own, ...(context !== undefined && { context }) });
      return;
    }
    // Parsing YAML is a library that most checks do without.
    const { bakeBuilds, composeBuilds } = await import("../diagnose/files/compose.ts");
    const builds = kind === "compose" ? composeBuilds(file, text) : bakeBuilds(file, text);
    for (const build of builds) await addBuild(build, path, file);
  };
  const addBuild = async (build: NamedBuild, path: string, file: string): Promise<void> => {
    const own = platforms.length > 0 ? platforms : build.platforms.map(parsePlatform);
    const context = build.context === undefined ? undefined : resolve(dirname(path), build.context);
    if (build.inline !== undefined) {
      add({
        file: nameOfInline(file, build.name),
        text: build.inline.text,
        offset: build.inline.line - 1,
        platforms: own,
        ...(context !== undefined && { context }),
      });
      return;
    }
    const target = resolve(dirname(path), build.path ?? "");
    if (isThere(target)) await addFile(target, "dockerfile", own, context);
  };
  for (const name of options.paths === undefined || options.paths.length === 0 ? ["."] : options.paths) {
    if (name === "-") {
      add({ file: "-", text: options.stdin ?? "", offset: 0, platforms });
      continue;
    }
    const path = resolve(cwd, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) await addFile(path);
    else await addDirectory(path, shown(path, cwd), addFile);
  }
  return [...units.values()];
}

/** The name of what stands in a compose or bake file. */
function nameOfInline(file: string, name: string): string {
  return `${file} (${name})`;
}

/** Compose and bake files first: they know for which platforms. */
async function addDirectory(
  path: string,
  name: string,
  addFile: (path: string) => Promise<void>,
): Promise<void> {
  const found = findBuildFiles(path);
  const isDockerfile = (each: string): boolean =>
    kindOfFile(each.slice(each.lastIndexOf("/") + 1)) === "dockerfile";
  for (const each of found.filter((file) => !isDockerfile(file))) await addFile(each);
  for (const each of found.filter(isDockerfile)) await addFile(each);
  if (found.length === 0) {
    throw new AnyarchError(
      "INPUT_UNREADABLE",
      `There is no Dockerfile, compose file or bake file in ${name === "." ? "this directory" : name}.`,
      {
        hint: "Name the file: anyarch check PATH",
      },
    );
  }
}

function isThere(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function textOf(path: string, name: string): string {
  const text = readTextFile(path);
  if (text.includes("\0")) throw new AnyarchError("INPUT_INVALID", `${name} isn't a text file.`);
  return text;
}

/** As the user would write it: relative where it is below. */
function shown(path: string, cwd: string): string {
  const name = relative(cwd, path);
  return name === "" ? "." : name.startsWith("..") || isAbsolute(name) ? path : name;
}

/** The build contexts of what is checked, each opened once. */
export class UnitContexts {
  readonly #opened = new Map<string, ContextDirectory | undefined>();
  readonly #given: string | undefined;
  readonly #cwd: string;

  /** Throws INPUT_UNREADABLE where the context that was given isn't a directory. */
  constructor({ contextDirectory }: Pick<CheckOptions, "contextDirectory">, cwd: string) {
    this.#given = contextDirectory === undefined ? undefined : resolve(cwd, contextDirectory);
    if (this.#given !== undefined && statSync(this.#given, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new AnyarchError("INPUT_UNREADABLE", `The context ${contextDirectory} isn't a directory.`, {
        hint: "Give the directory that the build is started with: docker build DIR.",
      });
    this.#cwd = cwd;
  }

  /** Undefined where it isn't known. */
  of({ path, context }: Unit, model: DockerfileModel): ContextFiles | undefined {
    const root = this.#given ?? context;
    const open = (directory: string, dockerfile?: string): ContextDirectory | undefined => {
      // Dockerfiles of one context share what was read of it, unless one has an ignore file of its own.
      const own = dockerfile !== undefined && isThere(`${dockerfile}.dockerignore`) ? dockerfile : undefined;
      const key = JSON.stringify([directory, own]);
      if (!this.#opened.has(key)) this.#opened.set(key, openContext(directory, dockerfile));
      return this.#opened.get(key);
    };
    if (root !== undefined) return open(root, path);
    return path === undefined ? undefined : guessContext(model, path, this.#cwd, open);
  }
}
