import { posix } from "node:path";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { elfFits } from "../verify/architecture.ts";
import { readElf } from "../verify/elf.ts";
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
  options: { readonly path: string; readonly workdir: string },
): ImageProgram | undefined {
  const [name = "", ...rest] = args;
  const candidates = name.includes("/")
    ? [posix.resolve(options.workdir, name)]
    : options.path.split(":").map((directory) => posix.resolve(options.workdir, directory, name));
  const path = candidates.find((candidate) => isExecutable(tree, candidate));
  return path === undefined ? undefined : followScripts(tree, path, rest, 0);
}

function isExecutable(tree: RootedTree, path: string): boolean {
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
  const line = tree.readStart(path, 256)?.toString("utf8").split("\n", 1)[0] ?? "";
  const match = /^#![ \t]*(\S+)(?:[ \t]+(.*\S))?/.exec(line);
  if (match === null) return { path, words: [path, ...rest] };
  const [, interpreter = "", argument] = match;
  if (depth >= maxInterpreters || !isExecutable(tree, interpreter)) return undefined;
  const words = [...(argument === undefined ? [] : [argument]), path, ...rest];
  return followScripts(tree, interpreter, words, depth + 1);
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
  const place = tree.resolve(program.path);
  const head = tree.readStart(program.path, headBytes);
  if (head === undefined || place === undefined) return undefined;
  const facts = readElf(sourceOf(head, tree.stat(place)?.size ?? head.byteLength));
  if (facts?.kind !== "elf") return undefined;
  const fit = elfFits(facts, platform);
  if (fit.ok) return undefined;
  return `${program.path} ${fit.why}: the image's label ${formatPlatform(platform)} is wrong, or the file is`;
}
