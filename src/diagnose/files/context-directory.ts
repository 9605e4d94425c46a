import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { IgnorePatterns } from "../../dockerfile/ignore-patterns.ts";
import { isElf, readElfHeader } from "../../verify/elf-header.ts";
import type { ContextFiles, MatchedFiles, ProgramFile } from "../dockerfile/context-files.ts";

/** Entries of the context that are looked at; what comes after them isn't judged. */
const mostEntries = 50_000;
const mostTextBytes = 64 << 20;
const headBytes = 64;

/** A directory that is a build's context; what `.dockerignore` leaves out isn't seen. */
export class ContextDirectory implements ContextFiles {
  readonly #root: string;
  readonly #ignore: IgnorePatterns;
  readonly #programs = new Map<string, ProgramFile | undefined>();
  /** Folder → all files below it. */
  readonly #below = new Map<string, readonly string[]>();

  /** `dockerfile` is absolute: `NAME.dockerignore` beside it goes before the context's own. Throws INPUT_INVALID. */
  constructor(root: string, dockerfile?: string) {
    this.#root = root;
    const own = dockerfile === undefined ? undefined : read(`${dockerfile}.dockerignore`);
    const text = own ?? read(join(root, ".dockerignore"));
    this.#ignore = IgnorePatterns.parse((text ?? "").split(/\r?\n/), ".dockerignore");
  }

  matched(source: string): MatchedFiles | undefined {
    const path = cleanPath(source);
    if (/[*?[]/.test(path)) return this.#matching(path);
    const kind = kindOf(join(this.#root, path));
    if (kind === "file") return this.#ignore.ignores(path) ? undefined : { files: [path], named: true };
    return kind === "directory" ? { files: this.#filesBelow(path), named: false } : undefined;
  }

  #matching(path: string): MatchedFiles | undefined {
    const pattern = patternOf(path);
    const [fixed = ""] = path.split(/[*?[]/, 1);
    const folder = fixed.slice(0, Math.max(0, fixed.lastIndexOf("/")));
    const files =
      pattern === undefined ? [] : this.#filesBelow(folder).filter((file) => pattern.ignores(file));
    return files.length === 0 ? undefined : { files, named: false };
  }

  program(path: string): ProgramFile | undefined {
    if (!this.#programs.has(path)) this.#programs.set(path, programIn(join(this.#root, path)));
    return this.#programs.get(path);
  }

  text(path: string): string | undefined {
    const clean = cleanPath(path);
    return this.#ignore.ignores(clean) ? undefined : read(join(this.#root, clean));
  }

  #filesBelow(top: string): readonly string[] {
    const known = this.#below.get(top);
    if (known !== undefined) return known;
    const files: string[] = [];
    let entries = 0;
    const visit = (folder: string): void => {
      for (const entry of entriesOf(join(this.#root, folder))) {
        if ((entries += 1) > mostEntries) return;
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        const ignored = this.#ignore.ignores(path);
        if (entry.isDirectory()) {
          if (entry.name !== ".git" && !(ignored && this.#ignore.prunes)) visit(path);
        } else if (entry.isFile() && !ignored) files.push(path);
      }
    };
    visit(top);
    files.sort();
    this.#below.set(top, files);
    return files;
  }
}

/** Undefined for what isn't there, and for what no file can be called: the build will say so. */
function kindOf(path: string): "file" | "directory" | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() ? "file" : stat.isDirectory() ? "directory" : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for a pattern that can't be read. */
function patternOf(path: string): IgnorePatterns | undefined {
  try {
    return IgnorePatterns.parse([path], "COPY");
  } catch {
    return undefined;
  }
}

/** COPY's sources can't leave the context: "../x" and "/x" are "x". */
function cleanPath(source: string): string {
  const path = posix.normalize(`/${source}`).slice(1);
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // Unreadable, or gone meanwhile: the build will say so.
  }
}

function read(path: string): string | undefined {
  try {
    return statSync(path).size > mostTextBytes ? undefined : readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function programIn(path: string): ProgramFile | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const head = Buffer.alloc(headBytes);
    const bytes = head.subarray(0, readSync(file, head, 0, headBytes, 0));
    if (isElf(bytes)) {
      const header = readElfHeader(bytes);
      return header?.kind === "elf" && header.type !== "core" ? { machine: header.machine } : undefined;
    }
    // Mach-O, 64 bit, both byte orders; the fat one shares its first bytes with Java classes.
    if (bytes.length >= 8 && [0xfeedfacf, 0xcffaedfe].includes(bytes.readUInt32BE(0)))
      return { machine: "Mach-O" };
    return bytes.length >= headBytes &&
      bytes[0] === 0x4d &&
      bytes[1] === 0x5a &&
      /\.(?:exe|dll|node|pyd)$/i.test(path)
      ? { machine: "PE" }
      : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
