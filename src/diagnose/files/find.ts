import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Directories that hold other people's files, or none that are built. */
const skipped = new Set([
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  ".venv",
  "venv",
  "__pycache__",
  ".terraform",
  ".tox",
]);

/** Deeper directories aren't looked into. */
const deepest = 40;

export type FileKind = "dockerfile" | "compose" | "bake";

/** What a file's name says that it is; undefined for other files. */
export function kindOfFile(name: string): FileKind | undefined {
  if (
    /(?:\.dockerignore|\.(?:md|rst|txt|orig|bak|swp|tmpl|j2|erb|sh|go|js|ts|py|json|ya?ml))$|~$/i.test(name)
  ) {
    if (/^(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml$/i.test(name)) return "compose";
    return /^docker-bake(?:[.-][\w.-]+)?\.json$/i.test(name) ? "bake" : undefined;
  }
  if (/^(?:docker|container)file(?:[._-].+)?$|\.(?:docker|container)file$/i.test(name)) return "dockerfile";
  return /^docker-bake(?:[.-][\w.-]+)?\.hcl$/i.test(name) ? "bake" : undefined;
}

/** Paths of Dockerfiles, compose and bake files below a directory, sorted; directories of dependencies are left out. */
export function findBuildFiles(directory: string): string[] {
  const found: string[] = [];
  const visit = (folder: string, depth: number): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name) && depth < deepest) visit(path, depth + 1);
      } else if (kindOfFile(entry.name) !== undefined && (entry.isFile() || isFile(path))) found.push(path);
    }
  };
  visit(directory, 0);
  return found.sort();
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // A link to nowhere.
  }
}
