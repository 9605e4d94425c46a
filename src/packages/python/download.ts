import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import { redact } from "../../errors/redact.ts";
import { isDiskError, systemReason, withPath } from "../../errors/system-error.ts";
import { runTask } from "../../events/task.ts";
import { forEachConcurrently } from "../../host/concurrency.ts";
import type { Context } from "../../host/context.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import { httpGet, IndexAccess } from "./http-get.ts";
import { pageDirectory } from "./index-cache.ts";
import { selectionAccess, type Selection, type WheelChoice } from "./select.ts";

/** A wheel on the host's disk, for one platform. */
export interface WheelFile {
  /** Normalised. */
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  /** Absolute, in the cache. */
  readonly path: string;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** The very same wheel, without native code, is chosen on all platforms: it belongs in the layer they share. */
  readonly neutral: boolean;
  readonly direct: boolean;
  /** Without credentials (PEP 610). */
  readonly directUrl?: string;
}

/** By formatPlatform; each list in the order of the selection. */
export type WheelFiles = Readonly<Record<string, readonly WheelFile[]>>;

const concurrency = 6;

interface Job {
  readonly choice: WheelChoice;
  result?: Fetched;
}

/** A file in the cache. */
export interface Fetched {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly cached: boolean;
}

/**
 * Downloads what a selection chose for `platforms` into `<cacheDir>/python/wheels/<sha256>`, each file once.
 * A file that is there already was verified when it was written; anything new is verified before it gets its
 * name. Choices without a wheel are passed over: see explainUnavailable. Throws HASH_MISMATCH, NETWORK_ERROR.
 */
export async function fetchWheels(
  selection: Selection,
  platforms: readonly Platform[],
  ctx: Context,
): Promise<WheelFiles> {
  const names = platforms.map(formatPlatform);
  const jobs = new Map<string, Job>();
  for (const { choices } of selection.rows)
    for (const platform of names) {
      const choice = choices[platform];
      if (isWheel(choice) && !jobs.has(choice.url)) jobs.set(choice.url, { choice });
    }
  if (jobs.size > 0)
    await runTask(ctx.emit, "download Python packages", {}, (task) => download(selection, jobs, task, ctx));
  const wheelsOn = (platform: string): readonly WheelFile[] =>
    selection.rows.flatMap((row) => {
      const choice = row.choices[platform];
      const fetched = isWheel(choice) ? jobs.get(choice.url)?.result : undefined;
      if (!isWheel(choice) || fetched === undefined) return [];
      const { name, version, direct, directUrl } = row;
      const { path, sha256, size } = fetched;
      const neutral = names.every((other) => {
        const there = row.choices[other];
        return isWheel(there) && there.neutral && there.url === choice.url;
      });
      const { filename } = choice;
      return [
        { name, version, filename, path, sha256, size, neutral, direct, ...(directUrl && { directUrl }) },
      ];
    });
  return Object.fromEntries(names.map((platform) => [platform, wheelsOn(platform)]));
}

function isWheel(choice: Selection["rows"][number]["choices"][string] | undefined): choice is WheelChoice {
  return choice?.kind === "wheel" || choice?.kind === "neutral";
}

async function download(
  selection: Selection,
  jobs: ReadonlyMap<string, Job>,
  task: {
    progress(current: number, total: number | undefined, unit: "bytes"): void;
    cached(detail?: string): void;
  },
  ctx: Context,
): Promise<void> {
  const directory = join(ctx.host.cacheDir, "python", "wheels");
  await mkdir(directory, { recursive: true });
  const access = selection[selectionAccess] ?? new IndexAccess([], []);
  const list = [...jobs.values()];
  const sizes = list.map(({ choice }) => choice.size);
  const total = sizes.every((size) => size !== undefined)
    ? sizes.reduce((sum, size) => sum + size, 0)
    : undefined;
  let current = 0;
  const onBytes = (count: number): void => task.progress((current += count), total, "bytes");
  await forEachConcurrently(list, concurrency, async (job) => {
    job.result = await fetchFile(job.choice, directory, access, onBytes, ctx);
  });
  if (list.every(({ result }) => result?.cached === true)) task.cached(`${list.length} packages`);
}

/** What has to be known of a file to fetch it. */
export type Fetchable = Pick<WheelChoice, "filename" | "url" | "hashes" | "allowed" | "size">;

/** One file into `directory`, named by its sha256, verified before it gets that name. */
export async function fetchFile(
  choice: Fetchable,
  directory: string,
  access: IndexAccess,
  onBytes: (count: number) => void,
  ctx: Context,
): Promise<Fetched> {
  const known = choice.hashes["sha256"];
  if (known !== undefined) {
    const path = join(directory, known);
    const size = await stat(path).then(
      (info) => info.size,
      () => undefined,
    );
    if (size !== undefined && size === (choice.size ?? size)) {
      onBytes(size);
      return { path, sha256: known, size, cached: true };
    }
  }
  for (let attempt = 1; ; attempt++) {
    const staging = join(directory, `.tmp-${process.pid}-${randomBytes(6).toString("hex")}`);
    let received = 0;
    try {
      const body = await open(choice, access, ctx);
      const digests = await receive(
        body,
        staging,
        choice,
        (count) => {
          received += count;
          onBytes(count);
        },
        ctx,
      );
      verify(choice, digests);
      const sha256 = digests["sha256"] ?? "";
      const path = join(directory, sha256);
      await rename(staging, path);
      return { path, sha256, size: received, cached: false };
    } catch (error) {
      await rm(staging, { force: true });
      withPath(error, staging);
      ctx.signal.throwIfAborted();
      onBytes(-received);
      if (error instanceof AnyarchError || isDiskError(error) || attempt >= 3)
        throw asDownloadError(error, choice);
    }
  }
}

function asDownloadError(error: unknown, choice: Fetchable): unknown {
  if (error instanceof AnyarchError || isDiskError(error)) return error;
  const message = `${choice.filename} can't be downloaded from ${redact(choice.url)}: ${systemReason(error)}.`;
  return new AnyarchError("NETWORK_ERROR", message, {
    cause: error,
    hint: "Check the network and try again: what was downloaded already is kept.",
  });
}

async function open(choice: Fetchable, access: IndexAccess, ctx: Context): Promise<Readable> {
  if (choice.url.startsWith("file:"))
    return createReadStream(fileURLToPath(choice.url), { highWaterMark: 1 << 20 });
  const response = await httpGet(choice.url, {}, access, ctx);
  if (response.status === 200) return response.body;
  response.body.resume();
  // The remembered page that named it may be out of date: the next build asks for all pages anew.
  await rm(pageDirectory(ctx), { recursive: true, force: true });
  throw new AnyarchError("NETWORK_ERROR", `${redact(choice.url)} answers with status ${response.status}.`, {
    hint:
      response.status === 401 || response.status === 403
        ? "Give the index's user and password in its URL in pip's or uv's configuration."
        : "Build again: the index is asked anew. If it was removed there, or the lock names another index, lock again.",
    details: { url: choice.url, status: response.status },
  });
}

/** Writes the body to `path` and returns its digests: sha256 and those that the choice names. */
async function receive(
  body: Readable,
  path: string,
  choice: Fetchable,
  onBytes: (count: number) => void,
  ctx: Context,
): Promise<Readonly<Record<string, string>>> {
  const named = [
    ...Object.keys(choice.hashes),
    ...(choice.allowed ?? []).map((hash) => hash.split(":", 1)[0] ?? ""),
  ];
  const algorithms = new Set(["sha256", ...named.filter((name) => supported.has(name))]);
  const hashes = [...algorithms].map((name) => [name, createHash(name)] as const);
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const [, hash] of hashes) hash.update(chunk);
      onBytes(chunk.byteLength);
      done(null, chunk);
    },
  });
  await pipeline(body, tap, createWriteStream(path, { flags: "wx" }), { signal: ctx.signal });
  return Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest("hex")]));
}

/** Not md5 and sha1: they prove nothing, so a lock that has only those is treated as one without hashes. */
const supported: ReadonlySet<string> = new Set(["sha256", "sha384", "sha512"]);

function verify(choice: Fetchable, digests: Readonly<Record<string, string>>): void {
  for (const [algorithm, expected] of Object.entries(choice.hashes)) {
    const found = digests[algorithm];
    if (found !== undefined && found !== expected)
      throw mismatch(choice, `${algorithm}:${expected}`, `${algorithm}:${found}`);
  }
  const { allowed } = choice;
  if (
    allowed === undefined ||
    Object.entries(digests).some(([name, hex]) => allowed.includes(`${name}:${hex}`))
  )
    return;
  throw mismatch(choice, allowed.join(" or "), `sha256:${digests["sha256"]}`);
}

function mismatch(choice: Fetchable, expected: string, found: string): AnyarchError {
  return new AnyarchError(
    "HASH_MISMATCH",
    `${choice.filename} from ${redact(choice.url)} has the hash ${found}, expected ${expected}.`,
    { details: { filename: choice.filename, expected, found } },
  );
}
