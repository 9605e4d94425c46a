import { createHash, type Hash } from "node:crypto";
import { AnyarchError } from "../errors/error.ts";

/** `algorithm:encoded`, as in the image-spec's descriptor.md, "Digests". */
export type Digest = `${DigestAlgorithm}:${string}`;
export type DigestAlgorithm = "sha256" | "sha512";

const pattern = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

/** Throws CONTENT_INVALID where `text` isn't a registered digest. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text))
    throw new AnyarchError("CONTENT_INVALID", `"${text}" isn't a sha256 or sha512 digest.`);
  return text;
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(":")) as DigestAlgorithm;
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** A hash of the digest's own algorithm. */
export function hashFor(digest: Digest): Hash {
  return createHash(digestAlgorithm(digest));
}

/** The first twelve hexadecimal digits: for people, never for comparing. */
export function shortDigest(digest: Digest): string {
  return digestHex(digest).slice(0, 12);
}
