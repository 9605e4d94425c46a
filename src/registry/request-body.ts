import { type Readable, Transform } from "node:stream";
import { AnyarchError } from "../errors/error.ts";

/** A body that can be sent again: bytes, or `size` bytes of a stream opened for each try. */
export type RequestBody =
  | Uint8Array
  | {
      readonly size: number;
      readonly open: (signal: AbortSignal) => Promise<Readable>;
      /** Bytes sent so far; starts again at 0 with each try. */
      readonly onProgress?: (current: number) => void;
    };

/** A failure of what is sent, not of the connection: never retried here. */
export class BodyError extends Error {
  constructor(cause: unknown) {
    super("The body can't be read.", { cause });
  }
}

/** Counts the bytes, and remembers whether the source broke: that isn't the registry's fault. */
class CountedBody extends Transform {
  sourceError: { readonly error: unknown } | undefined;
}

/** Opens a body for one try. The stream fails where its source does, or where it isn't `size` bytes long. */
export async function openBody(
  body: Exclude<RequestBody, Uint8Array>,
  signal: AbortSignal,
): Promise<CountedBody> {
  let source: Readable;
  try {
    source = await body.open(signal);
  } catch (error) {
    throw new BodyError(error);
  }
  let sent = 0;
  body.onProgress?.(0);
  const counted: CountedBody = new CountedBody({
    readableHighWaterMark: 1 << 20,
    transform: (chunk: Buffer, _encoding, done) => {
      sent += chunk.length;
      if (sent > body.size) {
        fail(wrongLength(sent, body.size));
        return;
      }
      body.onProgress?.(sent);
      done(null, chunk);
    },
    flush: (done) => {
      if (sent === body.size) done();
      else fail(wrongLength(sent, body.size));
    },
    destroy: (error, done) => {
      source.destroy();
      done(error);
    },
  });
  const fail = (error: Error): void => {
    counted.sourceError ??= { error };
    counted.destroy(error);
  };
  source.on("error", fail);
  source.on("close", () => {
    if (!source.readableEnded && !counted.destroyed) fail(new Error("The content ended before its end."));
  });
  source.pipe(counted);
  counted.on("error", () => {}); // Seen by the request.
  return counted;
}

function wrongLength(actual: number, expected: number): AnyarchError {
  return new AnyarchError(
    "DIGEST_MISMATCH",
    `The content has ${actual < expected ? "only" : "more than"} ${Math.min(actual, expected)} bytes of ${expected}.`,
  );
}
