import { posix } from "node:path";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { elfFits } from "../verify/architecture.ts";
import { type ElfFacts, readElf } from "../verify/elf.ts";
import { sourceOf } from "../verify/random-access.ts";
import type { RootedTree } from "./rooted-tree.ts";

/** A program of an image, and what the kernel starts for it: of a script its interpreter, of that its own. */
export interface ImageProgram {
  /** Absolute path in the image of what is no script. */
  readonly path: string;
  /** The words that the kernel starts it with, the program itself included. */
  readonly words: readonly string[];
}

/** Headers and what is needed of dynamic sections lie within; a longer file is looked at in part. */
const headBytes = 1 << 20;
const maxInterpreters = 4;

/** Finds what `args` start, as execvp(3) and the kernel do; undefined where the image has no such program. */
export function findProgram(
  tree: RootedTree,
  args: readonly string[],
  where: SearchPath,
): ImageProgram | undefined {
  const [name = "", ...rest] = args;
  const path = candidatesOf(name, where).find((candidate) => isExecutable(tree, candidate));
  return path === undefined ? undefined : followScripts(tree, path, rest, 0);
}

/** Where a command is looked for. */
export interface SearchPath {
  /** $PATH of the container. */
  readonly path: string;
  /** Its absolute working directory. */
  readonly workdir: string;
}

/** The paths at which a command may be, in the order in which they are tried: execvp(3). */
export function candidatesOf(name: string, { path, workdir }: SearchPath): readonly string[] {
  return name.includes("/")
    ? [posix.resolve(workdir, name)]
    : path.split(":").map((directory) => posix.resolve(workdir, directory, name));
}

export function isExecutable(tree: RootedTree, path: string): boolean {
  const place = tree.resolve(path);
  const info = place === undefined ? undefined : tree.stat(place);
  return info?.isFile() === true && (info.mode & 0o111) !== 0;
}

function followScripts(
  tree: RootedTree,
  path: string,
  rest: readonly string[],
  depth: number,
): ImageProgram | undefined {
  const line = scriptLine(tree, path);
  if (line === undefined) return { path, words: [path, ...rest] };
  const { interpreter, argument } = line;
  if (depth >= maxInterpreters || !isExecutable(tree, interpreter)) return undefined;
  const words = [...(argument === undefined ? [] : [argument]), path, ...rest];
  return followScripts(tree, interpreter, words, depth + 1);
}

/** What a script's first line names; undefined for what is no script. */
export function scriptLine(
  tree: RootedTree,
  path: string,
): { readonly interpreter: string; readonly argument?: string } | undefined {
  const line = tree.readStart(path, 256)?.toString("utf8").split("\n", 1)[0] ?? "";
  const [, interpreter, argument] = /^#![ \t]*(\S+)(?:[ \t]+(.*\S))?/.exec(line) ?? [];
  return interpreter === undefined ? undefined : { interpreter, ...(argument !== undefined && { argument }) };
}

/** What a program's ELF header says; undefined for what isn't ELF or can't be read. */
export function elfOf(tree: RootedTree, path: string): ElfFacts | undefined {
  const place = tree.resolve(path);
  const head = tree.readStart(path, headBytes);
  if (head === undefined || place === undefined) return undefined;
  const facts = readElf(sourceOf(head, tree.stat(place)?.size ?? head.byteLength));
  return facts?.kind === "elf" ? facts : undefined;
}

/**
 * What is wrong where the label and the program disagree ("/bin/app is for x86_64, linux/arm64 needs aarch64"), which
 * no emulator of the label's platform can make up for; undefined where all is well or nothing is known.
 */
export function programMismatch(
  tree: RootedTree,
  program: ImageProgram,
  platform: Platform,
): string | undefined {
  const facts = elfOf(tree, program.path);
  if (facts === undefined) return undefined;
  const fit = elfFits(facts, platform);
  if (fit.ok) return undefined;
  return `${program.path} ${fit.why}: the image's label ${formatPlatform(platform)} is wrong, or the file is`;
}
