import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { type ZipArchive, openZip } from "../../archive/zip-reader.ts";
import { AnyarchError } from "../../errors/error.ts";
import { withPath } from "../../errors/system-error.ts";
import type { Context } from "../../host/context.ts";
import { publishDirectory, stagingPath } from "../../host/atomic-file.ts";
import type { WheelFile } from "./download.ts";
import { parseRecord, type RecordRow } from "./record.ts";
import { parseScripts, type ScriptEntryPoint } from "./scripts.ts";
import { checkWheelVersion, findDistInfo, parseHeaders } from "./wheel-metadata.ts";

/** A file of a wheel: a stretch of the one file that holds the contents of all of them. */
export interface UnpackedFile {
  /** As in the wheel. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly offset: number;
  /** 0o644 or 0o755. */
  readonly mode: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A wheel in the cache, ready to be installed anywhere. */
export interface UnpackedWheel {
  /** Absolute path of the file that holds all contents. */
  readonly content: string;
  /** "orjson-3.10.0.dist-info". */
  readonly distInfo: string;
  /** Root-Is-Purelib. */
  readonly purelib: boolean;
  readonly scripts: readonly ScriptEntryPoint[];
  /** Requires-Dist of METADATA. */
  readonly requires: readonly string[];
  readonly files: readonly UnpackedFile[];
}

type Listing = Omit<UnpackedWheel, "content"> & { readonly format: number };

/** Changes with the listing's form: what an older anyarch wrote is then unpacked again. */
const format = 1;

/** Larger ones are inflated as a stream. */
const largeFile = 64 << 20;

/**
 * Unpacks a wheel once into `<cacheDir>/python/unpacked/<sha256>/`: `content`, all files one after the other, and
 * `listing.json`. No path of the wheel becomes a path on the host. The hashes of RECORD are checked. The
 * directory appears whole or not at all. Throws WHEEL_INVALID (corrupt, not a wheel, contents that aren't what
 * RECORD says) and ARCHIVE_UNSAFE (absolute paths, "..", links out of the wheel, bombs).
 */
export async function unpackWheel(wheel: WheelFile, ctx: Context): Promise<UnpackedWheel> {
  const directory = join(ctx.host.cacheDir, "python", "unpacked", wheel.sha256);
  const known = await readListing(directory);
  if (known !== undefined) return known;
  const staging = stagingPath(directory);
  await mkdir(staging, { recursive: true });
  try {
    const listing = await unpackInto(staging, wheel, ctx);
    await writeFile(join(staging, "listing.json"), JSON.stringify(listing));
    await publishDirectory(staging, directory, async () => (await readListing(directory)) !== undefined);
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "ARCHIVE_INVALID")
      throw new AnyarchError("WHEEL_INVALID", error.message, {
        cause: error,
        details: error.details,
        hint: "Lock a release whose wheel is whole, or report it to the package's maintainers.",
      });
    throw withPath(error, staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const result = await readListing(directory);
  if (result === undefined) throw new AnyarchError("INTERNAL", `${directory} can't be read back.`);
  return result;
}

async function readListing(directory: string): Promise<UnpackedWheel | undefined> {
  try {
    const listing = JSON.parse(await readFile(join(directory, "listing.json"), "utf8")) as Listing;
    if (listing.format !== format) return undefined;
    const content = join(directory, "content");
    const end = listing.files.reduce((most, { offset, size }) => Math.max(most, offset + size), 0);
    return (await stat(content)).size === end ? { ...listing, content } : undefined;
  } catch {
    return undefined; // Not unpacked yet, or damaged.
  }
}

async function unpackInto(staging: string, wheel: WheelFile, ctx: Context): Promise<Listing> {
  await checkWheel(wheel);
  using zip = await openZip(wheel.path, { name: wheel.filename });
  const entries = zip.entries.filter(({ isDirectory }) => !isDirectory);
  const distInfo = findDistInfo(
    entries.map(({ name }) => name),
    wheel.filename,
  );
  const text = (name: string): string | undefined => {
    const entry = zip.find(`${distInfo}/${name}`);
    return entry === undefined ? undefined : zip.read(entry).toString("utf8");
  };
  const required = (name: string): string => {
    const found = text(name);
    if (found === undefined)
      throw new AnyarchError("WHEEL_INVALID", `${wheel.filename} has no ${distInfo}/${name}.`);
    return found;
  };
  const headers = parseHeaders(required("WHEEL"));
  checkWheelVersion(headers, wheel.filename);
  const { requires } = parseHeaders(required("METADATA"));
  const record = new Map(parseRecord(required("RECORD")).map((row) => [row.path, row]));
  const files = await writeContents(zip, join(staging, "content"), { wheel, distInfo, record }, ctx);
  return {
    format,
    distInfo,
    purelib: headers.first.get("root-is-purelib")?.toLowerCase() === "true",
    scripts: parseScripts(text("entry_points.txt") ?? "", wheel.filename),
    requires,
    files,
  };
}

/** What was whole when it was downloaded may have been damaged on the disk since. Throws DIGEST_MISMATCH. */
async function checkWheel({ path, filename, sha256 }: WheelFile): Promise<void> {
  const hash = createHash("sha256");
  const chunks = createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  for await (const chunk of chunks) hash.update(chunk);
  if (hash.digest("hex") === sha256) return;
  await rm(path, { force: true });
  throw new AnyarchError("DIGEST_MISMATCH", `${filename} was damaged in the cache.`, {
    hint: "It was removed from the cache: build again.",
    details: { filename, path },
  });
}

interface Checks {
  readonly wheel: WheelFile;
  readonly distInfo: string;
  readonly record: ReadonlyMap<string, RecordRow>;
}

async function writeContents(
  zip: ZipArchive,
  path: string,
  checks: Checks,
  ctx: Context,
): Promise<readonly UnpackedFile[]> {
  const files: UnpackedFile[] = [];
  const fd = openSync(path, "wx");
  let offset = 0;
  try {
    for (const [index, entry] of zip.entries.entries()) {
      if (index % 64 === 0) await breathe(ctx);
      if (entry.isDirectory) continue;
      if (entry.isSymlink) throw linkError(entry.name, zip.read(entry).toString("utf8"), checks.wheel);
      const row = checks.record.get(entry.name);
      const algorithm = checkedAlgorithm(entry.name, row, checks, ctx);
      const hashes = new Map([...new Set(["sha256", algorithm])].map((name) => [name, createHash(name)]));
      const add = (chunk: Buffer): void => {
        for (const hash of hashes.values()) hash.update(chunk);
        writeAll(fd, chunk);
      };
      if (entry.size <= largeFile) add(zip.read(entry));
      else for await (const chunk of zip.stream(entry) as AsyncIterable<Buffer>) add(chunk);
      const digests = new Map([...hashes].map(([name, hash]) => [name, hash.digest()]));
      compare(entry.name, row, algorithm, digests.get(algorithm), checks);
      const mode = (entry.mode & 0o111) === 0 ? 0o644 : 0o755;
      const sha256 = digests.get("sha256")?.toString("hex") ?? "";
      files.push({ path: entry.name, size: entry.size, offset, mode, sha256 });
      offset += entry.size;
    }
  } finally {
    closeSync(fd);
  }
  return files;
}

function writeAll(fd: number, chunk: Buffer): void {
  for (let done = 0; done < chunk.byteLength;) done += writeSync(fd, chunk, done);
}

/** Lets timers, progress and Ctrl-C have their turn. */
async function breathe(ctx: Context): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  ctx.signal.throwIfAborted();
}

function linkError(path: string, target: string, { filename }: WheelFile): AnyarchError {
  const resolved = posix.join(posix.dirname(path), target);
  const outside = target.startsWith("/") || resolved === ".." || resolved.startsWith("../");
  return outside
    ? new AnyarchError(
        "ARCHIVE_UNSAFE",
        `${filename} has the link ${path} → ${target}, which leads out of it.`,
      )
    : new AnyarchError(
        "WHEEL_INVALID",
        `${filename} has the link ${path} → ${target}; wheels can't hold links.`,
      );
}

const algorithms: ReadonlySet<string> = new Set(["sha256", "sha384", "sha512"]);

/** The algorithm of RECORD's hash. What it lists no hash for is installed with a warning, as pip does silently. */
function checkedAlgorithm(path: string, row: RecordRow | undefined, checks: Checks, ctx: Context): string {
  const algorithm = row?.hash.split("=", 1)[0] ?? "";
  if (algorithms.has(algorithm)) return algorithm;
  const unlisted = ["RECORD", "RECORD.jws", "RECORD.p7s"].some(
    (name) => path === `${checks.distInfo}/${name}`,
  );
  const { filename } = checks.wheel;
  if (algorithm !== "")
    throw new AnyarchError(
      "WHEEL_INVALID",
      `${filename} has a hash of unknown kind for ${path}: ${algorithm}.`,
    );
  if (!unlisted)
    ctx.emit({
      type: "log",
      level: "warning",
      message: `${filename} has no hash for ${path} in its RECORD.`,
    });
  return "sha256";
}

function compare(
  path: string,
  row: RecordRow | undefined,
  algorithm: string,
  digest: Buffer | undefined,
  { wheel }: Checks,
): void {
  if (row === undefined || row.hash === "" || path.endsWith(".dist-info/RECORD")) return;
  const expected = row.hash.slice(algorithm.length + 1).replace(/=+$/, "");
  const found = digest?.toString("base64url");
  if (found === expected) return;
  throw new AnyarchError(
    "WHEEL_INVALID",
    `${path} in ${wheel.filename} isn't what the wheel's RECORD says: ${algorithm}=${found}, expected ${row.hash}.`,
    { details: { path, filename: wheel.filename, expected: row.hash, found: `${algorithm}=${found}` } },
  );
}
