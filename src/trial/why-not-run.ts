import { AnyarchError } from "../errors/error.ts";
import {
  candidatesOf,
  elfOf,
  findProgram,
  isExecutable,
  scriptLine,
  type SearchPath,
} from "./image-program.ts";
import type { RootedTree } from "./rooted-tree.ts";

/** Not the image's: the container's own, made when it starts. */
const own = /^\/(?:proc|sys|dev)\//;

/**
 * Why a command can't be started, as what is in the image tells: it isn't there (127) or can't be executed (126).
 * Undefined where nothing speaks against it.
 */
export function whyNotRun(
  tree: RootedTree,
  args: readonly string[],
  where: SearchPath,
): AnyarchError | undefined {
  const [name = ""] = args;
  const candidates = candidatesOf(name, where);
  if (candidates.some((path) => own.test(path))) return undefined;
  const path = candidates.find((candidate) => isExecutable(tree, candidate));
  if (path === undefined) return absent(tree, name, candidates);
  const program = findProgram(tree, args, where);
  if (program === undefined) {
    const { interpreter = "its interpreter" } = scriptLine(tree, path) ?? {};
    return missing(`${path} is a script for ${interpreter}, which isn't in the image.`);
  }
  const start = tree.readStart(program.path, 4);
  if (start === undefined) return undefined;
  const facts = elfOf(tree, program.path);
  if (facts === undefined) {
    return start.toString("latin1") === "\u007fELF"
      ? undefined
      : notExecutable(
          `${program.path} is marked as a program, but is none: it begins with no ELF header and no #!.`,
        );
  }
  const loader = facts.interpreter;
  if (loader === undefined || own.test(loader) || tree.resolve(loader) !== undefined) return undefined;
  return missing(`${program.path} needs the loader ${loader}, which isn't in the image.`, [
    "A program that is linked dynamically needs the C library that it was linked with: musl's in Alpine, glibc elsewhere, none from scratch.",
  ]);
}

function absent(tree: RootedTree, name: string, candidates: readonly string[]): AnyarchError {
  const there = candidates.find((path) => tree.resolve(path) !== undefined);
  if (there === undefined) {
    const where = name.includes("/") ? "" : ", or not in its PATH";
    return missing(`${name} isn't in the image${where}.`);
  }
  const isDirectory = tree.stat(tree.resolve(there) ?? "")?.isDirectory() === true;
  return notExecutable(
    `${there} ${isDirectory ? "is a directory" : "can't be executed: it isn't marked as a program"}.`,
  );
}

function missing(message: string, hint?: readonly string[]): AnyarchError {
  return new AnyarchError("TRIAL_COMMAND_MISSING", message, hint && { hint: hint.join("\n") });
}

function notExecutable(message: string): AnyarchError {
  return new AnyarchError("TRIAL_NOT_EXECUTABLE", message);
}
