import { fstatSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join, posix } from "node:path";
import type { Entry } from "../archive/entry.ts";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { printableName } from "../errors/printable.ts";
import { systemReason } from "../errors/system-error.ts";
import { readTextFile } from "../host/text-file.ts";
import { IgnorePatterns } from "../dockerfile/ignore-patterns.ts";

/**
 * What never belongs into an image by accident: version control, secrets, environments of the host, caches,
 * results of builds. A `.dockerignore` takes any of it back with `!pattern`.
 */
const alwaysIgnored: readonly string[] = [
  "**/.git",
  "**/.hg",
  "**/.svn",
  "**/.gitignore",
  "**/.gitattributes",
  ".github",
  ".gitlab-ci.yml",
  "**/.env",
  "**/.env.*",
  "**/.netrc",
  "**/.pypirc",
  "**/.npmrc",
  "**/.ssh",
  "**/.aws",
  "**/.docker",
  "**/.gnupg",
  "**/id_rsa",
  "**/id_ecdsa",
  "**/id_ed25519",
  "**/.venv",
  "**/venv",
  "**/node_modules",
  "**/__pycache__",
  "**/*.py[cod]",
  "**/*.egg-info",
  "**/.eggs",
  "**/.tox",
  "**/.nox",
  "**/.mypy_cache",
  "**/.pytest_cache",
  "**/.ruff_cache",
  "**/.cache",
  "**/.coverage",
  "**/htmlcov",
  "**/.DS_Store",
  "**/.idea",
  "**/.vscode",
  "**/*.swp",
  "dist",
  "build",
  ".dockerignore",
  "**/Dockerfile",
  "**/*.Dockerfile",
  "**/Dockerfile.*",
  "anyarch.toml",
  "anyarch.lock",
  "pycontainer.toml",
];

export interface SourceFiles {
  /** Below `prefix`, sorted bytewise by path, modes normalised to 0644, 0755 and 0777 for links. */
  readonly entries: readonly Entry[];
  /** Things said to the user: sockets left out, links that lead out of the application. */
  readonly warnings: readonly string[];
}

/**
 * Reads an application's directory: all that neither `exclude` (absolute paths), the built-in list nor `.dockerignore` leaves out.
 * Throws INPUT_UNREADABLE for what can't be read, APP_FILE_CONFLICT for paths that differ only by case, since
 * they fall together on the file systems of macOS and Windows. Synchronous: ten times the speed of promises.
 */
export function readSourceFiles(root: string, prefix: string, exclude: readonly string[] = []): SourceFiles {
  const walk = new Walk(root, prefix, new Set(exclude));
  walk.directory("");
  walk.rejectCaseConflicts();
  walk.entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return walk;
}

class Walk implements SourceFiles {
  readonly entries: Entry[] = [];
  readonly warnings: string[] = [];
  readonly #root: string;
  readonly #prefix: string;
  readonly #ignore: IgnorePatterns;
  readonly #exclude: ReadonlySet<string>;
  readonly #ownOutputs: ReadonlySet<string> = ownOutputs();

  constructor(root: string, prefix: string, exclude: ReadonlySet<string>) {
    this.#exclude = exclude;
    this.#root = root;
    this.#prefix = prefix;
    this.#ignore = readIgnoreFile(root);
  }

  directory(relative: string): void {
    const children = readable(join(this.#root, relative), (path) =>
      readdirSync(path, { withFileTypes: true }),
    );
    for (const child of children) {
      const path = relative === "" ? child.name : `${relative}/${child.name}`;
      if (this.#exclude.has(join(this.#root, path))) continue;
      const ignored = this.#ignore.ignores(path);
      if (ignored && (this.#ignore.prunes || !child.isDirectory())) continue;
      if (child.isDirectory()) {
        const before = this.entries.length;
        this.directory(path);
        // An ignored directory is there only when something below it was taken back.
        if (!ignored || this.entries.length > before) this.#add({ type: "directory", path, mode: 0o755 });
      } else if (child.isSymbolicLink()) this.#link(path);
      else if (child.isFile()) this.#file(path);
      else
        this.warnings.push(`${printableName(path)} is neither file, directory nor link, and was left out.`);
    }
  }

  #file(path: string): void {
    const file = join(this.#root, path);
    const { mode, size, dev, ino } = readable(file, (name) => lstatSync(name));
    if (this.#ownOutputs.has(`${dev}:${ino}`)) {
      this.warnings.push(`${printableName(path)} is where this build writes its messages, and was left out.`);
      return;
    }
    this.#add({ type: "file", path, mode: (mode & 0o100) === 0 ? 0o644 : 0o755, size, content: { file } });
  }

  #link(path: string): void {
    const target = readable(join(this.#root, path), (name) => readlinkSync(name));
    const resolved = posix.normalize(posix.join(posix.dirname(path), target));
    if (posix.isAbsolute(target) || resolved === ".." || resolved.startsWith("../")) {
      this.warnings.push(
        `${printableName(path)} links to ${printableName(target)}, outside of the application: it may lead nowhere in the image.`,
      );
    }
    this.#add({ type: "symlink", path, mode: 0o777, target });
  }

  #add(entry: Entry): void {
    this.entries.push({ ...entry, path: this.#prefix === "" ? entry.path : `${this.#prefix}/${entry.path}` });
  }

  rejectCaseConflicts(): void {
    const seen = new Map<string, string>();
    for (const { path } of this.entries) {
      const folded = path.normalize("NFC").toLowerCase();
      const other = seen.get(folded);
      if (other !== undefined) {
        const [first, second] = [other, path].sort();
        throw new AnyarchError(
          "APP_FILE_CONFLICT",
          `${printableName(first ?? "")} and ${printableName(second ?? "")} differ only by case.`,
          {
            hint: "Rename one of them, or leave one out with .dockerignore: on macOS and Windows they are the same file.",
          },
        );
      }
      seen.set(folded, path);
    }
  }
}

/** "device:inode" of the files that standard output and error are sent to: `anyarch build . > build.log`. */
function ownOutputs(): ReadonlySet<string> {
  const files = [1, 2].flatMap((descriptor) => {
    try {
      const info = fstatSync(descriptor);
      return info.isFile() ? [`${info.dev}:${info.ino}`] : [];
    } catch {
      return []; // It is closed.
    }
  });
  return new Set(files);
}

function readIgnoreFile(root: string): IgnorePatterns {
  const builtIn = IgnorePatterns.parse(alwaysIgnored, "the built-in list");
  const path = join(root, ".dockerignore");
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    if (error instanceof AnyarchError) throw error;
    if (systemCode(error) === "ENOENT") return builtIn;
    throw new AnyarchError("INPUT_UNREADABLE", `${path} can't be read: ${systemReason(error)}.`, {
      cause: error,
    });
  }
  return builtIn.followedBy(IgnorePatterns.parse(text.split(/\r?\n/), path));
}

function readable<T>(path: string, read: (path: string) => T): T {
  try {
    return read(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw unreadable(path, error);
    // Node.js puts this character in place of bytes that are no UTF-8, and then there is no such file.
    if (path.includes("\ufffd")) throw oddName(path, error);
    throw new AnyarchError(
      "APP_FILE_CHANGED",
      `${printableName(path)} went away while the application was read.`,
      {
        cause: error,
      },
    );
  }
}

function oddName(path: string, cause: unknown): AnyarchError {
  return new AnyarchError("INPUT_UNREADABLE", `The name of ${printableName(path)} isn't valid UTF-8.`, {
    cause,
    hint: "Rename it, or leave it out with .dockerignore, where * and ? stand for the odd bytes.",
  });
}

function unreadable(path: string, cause: unknown): AnyarchError {
  return new AnyarchError(
    "INPUT_UNREADABLE",
    `${printableName(path)} can't be read: ${systemReason(cause)}.`,
    {
      cause,
      hint: "Make it readable, or leave it out with .dockerignore.",
    },
  );
}
