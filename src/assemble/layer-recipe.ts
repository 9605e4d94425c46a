import { createHash } from "node:crypto";
import type { Entry } from "../archive/entry.ts";
import type { Digest } from "../oci/digest.ts";

/** What, beside the entries, decides a layer's bytes. */
export interface RecipeFormat {
  /** Name and constants of the compression: "gzip-5-1048576". */
  readonly compression: string;
  /** Seconds since the epoch, for entries without a time of their own. */
  readonly mtime: number;
}

/** Changes whenever the tar writer's bytes change for the same entries. */
const version = "anyarch-layer/1";

/**
 * The recipe of a layer: a digest over everything that determines its bytes, computed without making them.
 * `entries` are sorted and every file has its content's digest.
 */
export function layerRecipe(entries: readonly Entry[], format: RecipeFormat): string {
  const hash = createHash("sha256");
  hash.update(`${version}\0${format.compression}\0${format.mtime}\n`);
  for (const entry of entries) hash.update(entryLine(entry));
  return hash.digest("hex");
}

function entryLine(entry: Entry): string {
  const { type, path, mode, uid = 0, gid = 0, mtime = -1 } = entry;
  const head = `${type}\0${path}\0${mode}\0${uid}\0${gid}\0${mtime}`;
  switch (type) {
    case "file":
      return `${head}\0${entry.size}\0${knownDigest(entry.digest, path)}\n`;
    case "directory":
      return `${head}\n`;
    case "symlink":
    case "hardlink":
      return `${head}\0${entry.target}\n`;
  }
}

function knownDigest(digest: Digest | undefined, path: string): Digest {
  if (digest === undefined) throw new Error(`${path} has no digest yet`);
  return digest;
}
