import type { Hash } from "node:crypto";
import { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";
import { type Digest, hashFor } from "./digest.ts";

export interface VerifyOptions {
  /** Where the bytes come from, for the error: "registry.example/team/app". */
  readonly from: string;
  /** What to do where it isn\'t what it should be. */
  readonly hint?: string;
  /** True where the source gives each chunk memory of its own and keeps none; see {@link ownsChunks}. */
  readonly ownsChunks?: boolean;
  /**
   * Opens the source again from a byte offset after it broke; rejects with the final error when there is no
   * point in going on. Without it the first break is final.
   */
  readonly reopen?: (offset: number, error: unknown) => Promise<Readable>;
}

/**
 * The bytes of `source`, hashed and counted on the way. The stream fails with DIGEST_MISMATCH before its end
 * when they aren't what the descriptor says, so that nothing unverified is ever seen as complete. Nothing is
 * read before the first read; destroying it destroys the source.
 */
export function verifiedStream(
  source: Readable,
  expected: { readonly digest: Digest; readonly size: number },
  options: VerifyOptions,
): Readable {
  return new VerifiedStream(source, expected, options);
}

/** True for a {@link verifiedStream} that fails unless its bytes are these: nobody has to hash them again. */
export function isVerifiedStream(
  stream: Readable,
  expected: { readonly digest: Digest; readonly size: number },
): boolean {
  return stream instanceof VerifiedStream && stream.verifies(expected);
}

/** True where who reads the chunks of a stream may do with their memory whatever it likes. */
export function ownsChunks(stream: Readable): boolean {
  return stream instanceof VerifiedStream && stream.ownsChunks;
}

class VerifiedStream extends Readable {
  readonly #expected: { readonly digest: Digest; readonly size: number };
  readonly #options: VerifyOptions;
  readonly #hash: Hash;
  #source: Readable;
  #received = 0;
  #reading = false;
  /** A failure from before anybody read: kept until then, since nobody may be listening yet. */
  #early: { readonly error: unknown } | undefined;

  constructor(
    source: Readable,
    expected: { readonly digest: Digest; readonly size: number },
    options: VerifyOptions,
  ) {
    super({ highWaterMark: 1 << 20 });
    this.#expected = expected;
    this.#options = options;
    this.#hash = hashFor(expected.digest);
    this.#source = source;
    this.#attach(source);
  }

  get ownsChunks(): boolean {
    return this.#options.ownsChunks === true;
  }

  verifies({ digest, size }: { readonly digest: Digest; readonly size: number }): boolean {
    return this.#expected.digest === digest && this.#expected.size === size;
  }

  override _read(): void {
    this.#reading = true;
    if (this.#early === undefined) this.#source.resume();
    else this.#broken(this.#early.error);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.destroy();
    callback(error);
  }

  #attach(source: Readable): void {
    let over = false;
    const fail = (error: unknown): void => {
      if (over) return;
      over = true;
      if (this.#reading) this.#broken(error);
      else this.#early = { error };
    };
    source.on("data", (chunk: Buffer) => this.#take(source, chunk));
    source.on("end", () => {
      over = true;
      this.#finish();
    });
    source.on("error", fail);
    source.on("close", () => fail(prematureClose()));
    source.pause();
  }

  #take(source: Readable, chunk: Buffer): void {
    if (this.destroyed) return;
    this.#received += chunk.length;
    if (this.#received > this.#expected.size) {
      this.destroy(this.#mismatch(`has more than the ${this.#expected.size} bytes that its descriptor says`));
      return;
    }
    this.#hash.update(chunk);
    if (!this.push(chunk)) source.pause();
  }

  #finish(): void {
    if (this.destroyed) return;
    const { digest, size } = this.#expected;
    if (this.#received !== size) {
      this.destroy(this.#mismatch(`has ${this.#received} bytes, not the ${size} that its descriptor says`));
      return;
    }
    const actual = this.#hash.digest("hex");
    if (digest.endsWith(`:${actual}`)) this.push(null);
    else this.destroy(this.#mismatch(`has the digest ${digest.slice(0, digest.indexOf(":"))}:${actual}`));
  }

  #broken(error: unknown): void {
    if (this.destroyed) return;
    const { reopen } = this.#options;
    if (reopen === undefined) {
      this.destroy(error as Error);
      return;
    }
    this.#source.destroy();
    this.#early = undefined;
    void this.#resume(reopen, error);
  }

  async #resume(
    reopen: (offset: number, error: unknown) => Promise<Readable>,
    error: unknown,
  ): Promise<void> {
    try {
      const source = await reopen(this.#received, error);
      if (this.destroyed) {
        source.destroy();
        return;
      }
      this.#source = source;
      this.#attach(source);
      source.resume();
    } catch (final) {
      this.destroy(final as Error);
    }
  }

  #mismatch(why: string): AnyarchError {
    return new AnyarchError(
      "DIGEST_MISMATCH",
      `${this.#expected.digest} from ${this.#options.from} ${why}.`,
      {
        hint:
          this.#options.hint ??
          "It was damaged or changed on the way or where it is kept. Nothing of it was used.",
        details: { digest: this.#expected.digest },
      },
    );
  }
}

function prematureClose(): NodeJS.ErrnoException {
  return Object.assign(new Error("The stream ended before its end."), { code: "ERR_STREAM_PREMATURE_CLOSE" });
}

/** Checks bytes at hand against a descriptor; throws DIGEST_MISMATCH. Returns them for chaining. */
export function verifyBytes<T extends Uint8Array>(
  bytes: T,
  expected: { readonly digest: Digest; readonly size?: number },
  from: string,
): T {
  const actual = hashFor(expected.digest).update(bytes).digest("hex");
  if (expected.digest.endsWith(`:${actual}`) && (expected.size ?? bytes.length) === bytes.length)
    return bytes;
  throw new AnyarchError(
    "DIGEST_MISMATCH",
    `${expected.digest} from ${from} has ${bytes.length} bytes and the hash ${actual}.`,
    {
      hint: "It was damaged or changed on the way or where it is kept. Nothing of it was used.",
      details: { digest: expected.digest },
    },
  );
}
