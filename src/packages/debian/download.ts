import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { AnyarchError, isAbort } from "../../errors/error.ts";
import { isDiskError, systemReason, withPath } from "../../errors/system-error.ts";
import { stagingPath } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import { type HttpResponse, readBody } from "../../host/http.ts";

const attempts = 4;
const maxRedirects = 8;

/** What a file must be: bytes and the hexadecimal sha256. */
export interface ExpectedFile {
  readonly size: number;
  readonly sha256: string;
}

async function follow(
  start: URL,
  headers: Readonly<Record<string, string>>,
  ctx: Context,
): Promise<HttpResponse> {
  let url = start;
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const response = await ctx.host.request({ method: "GET", url, headers, signal: ctx.signal });
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
    response.body.resume();
    const next = new URL(location, url);
    const downgrade = url.protocol === "https:" && next.protocol !== "https:";
    if (downgrade || !/^https?:$/.test(next.protocol)) {
      throw new AnyarchError(
        "NETWORK_ERROR",
        `${url.href} redirects to ${next.protocol}//, which isn't safe.`,
      );
    }
    url = next;
  }
  throw new AnyarchError("NETWORK_ERROR", `${start.href} redirects more than ${maxRedirects} times.`);
}

/** Marks what may succeed when tried again. */
class TransientError extends Error {}

/**
 * GETs `url`, follows redirects, and hands the response to `use`; both are tried again (four times in all, with
 * growing pauses) after a network fault, a status of 408, 429 or 5xx, or a TransientError. Throws NETWORK_ERROR.
 */
async function getWithRetries<T>(
  url: URL,
  headers: Readonly<Record<string, string>>,
  ctx: Context,
  use: (response: HttpResponse) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await follow(url, headers, ctx);
      if (response.status >= 500 || response.status === 408 || response.status === 429) {
        response.body.resume();
        throw new TransientError(`it answers with status ${response.status}`);
      }
      return await use(response);
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (isAbort(error) || isFinal(error)) throw error;
      if (attempt === attempts) {
        if (error instanceof AnyarchError) throw error;
        throw new AnyarchError("NETWORK_ERROR", `${url.href} can't be fetched: ${systemReason(error)}.`, {
          hint: "Check the network, the proxy settings and the mirror's address.",
          cause: error,
        });
      }
      await delay(200 * 3 ** (attempt - 1), undefined, { signal: ctx.signal });
    }
  }
}

function isFinal(error: unknown): boolean {
  if (!(error instanceof AnyarchError)) return isDiskError(error);
  const { status, final } = error.details;
  return error.code !== "NETWORK_ERROR" || status !== undefined || final === true;
}

export interface SmallFile {
  /** 200, 304 or 404; anything else is an error. */
  readonly status: number;
  readonly body: Buffer;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** GETs a file that fits into memory (64 MiB at most). Throws NETWORK_ERROR. */
export async function fetchSmallFile(
  url: URL,
  headers: Readonly<Record<string, string>>,
  ctx: Context,
): Promise<SmallFile> {
  return getWithRetries(url, headers, ctx, async (response) => {
    if (![200, 304, 404].includes(response.status)) {
      response.body.resume();
      throw refused(url, response.status);
    }
    const body = await readBody(response, 64 << 20);
    const { etag } = response.headers;
    const lastModified = response.headers["last-modified"];
    return {
      status: response.status,
      body,
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { lastModified }),
    };
  });
}

function refused(url: URL, status: number): AnyarchError {
  return new AnyarchError("NETWORK_ERROR", `${url.href} answers with status ${status}.`, {
    hint: "Check the mirror's address and whether it wants a password or a proxy.",
    details: { status },
  });
}

/**
 * GETs `url` into `target`, which appears only when size and sha256 are right. Resolves to false where the
 * mirror says 404 or 410. Throws HASH_MISMATCH or NETWORK_ERROR.
 */
export async function downloadVerified(
  url: URL,
  target: string,
  expected: ExpectedFile,
  ctx: Context,
  onBytes: (count: number) => void = () => {},
): Promise<boolean> {
  await mkdir(dirname(target), { recursive: true });
  return getWithRetries(url, {}, ctx, async (response) => {
    if (response.status !== 200) {
      response.body.resume();
      if (response.status === 404 || response.status === 410) return false;
      throw refused(url, response.status);
    }
    const staging = stagingPath(target);
    try {
      await receive(response, staging, url, expected, onBytes);
      await rename(staging, target);
      return true;
    } catch (error) {
      throw withPath(error, staging);
    } finally {
      await rm(staging, { force: true });
    }
  });
}

async function receive(
  response: HttpResponse,
  path: string,
  url: URL,
  expected: ExpectedFile,
  onBytes: (count: number) => void,
): Promise<void> {
  const hash = createHash("sha256");
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      onBytes(chunk.length);
      done(
        size > expected.size ? mismatch(url, expected, `it is longer than ${expected.size} bytes`) : null,
        chunk,
      );
    },
  });
  await pipeline(response.body, meter, createWriteStream(path));
  const announced = Number(response.headers["content-length"] ?? size);
  if (size < announced) {
    onBytes(-size);
    throw new TransientError(`it ended after ${size} of ${announced} bytes`);
  }
  const actual = hash.digest("hex");
  if (actual !== expected.sha256) throw mismatch(url, expected, `its sha256 is ${actual}`);
}

export function mismatch(url: URL, expected: ExpectedFile, why: string): AnyarchError {
  return new AnyarchError(
    "HASH_MISMATCH",
    `${url.href} isn't the file that the Debian archive signed: ${why}, expected is ${expected.sha256}.`,
    {
      hint: "The mirror is in the middle of an update, or the file was changed. Try again later or use another mirror. Nothing was used from it.",
      details: { url: url.href, sha256: expected.sha256 },
    },
  );
}
