import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PublicKey, VerifyMessageResult } from "openpgp";

import { AnyarchError } from "../../errors/error.ts";
import type { Context } from "../../host/context.ts";
import { aptRoot } from "./apt-root.ts";

type VerificationResult = VerifyMessageResult<string>["signatures"][number];

/** Keys that may sign an archive, and where they came from, for errors. */
export interface Keyring {
  readonly keys: readonly PublicKey[];
  readonly origin: string;
}

const fingerprint = /^[0-9A-Fa-f]{40}(?:[0-9A-Fa-f]{24})?!?$/;
const armor = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * The keys that a source trusts: those of its Signed-By (paths, fingerprints among apt's trusted keys, or an
 * armored key), else apt's trusted keys, else the keyring of the package debian-archive-keyring. Throws
 * DEBIAN_SIGNATURE where there are none.
 */
export async function loadKeyring(signedBy: string | undefined, ctx: Context): Promise<Keyring> {
  if (signedBy === undefined || signedBy.trim() === "") return trustedKeyring(ctx);
  if (signedBy.includes(armor)) return { keys: await parseKeys(signedBy, "Signed-By"), origin: "Signed-By" };
  const keys: PublicKey[] = [];
  const wanted: string[] = [];
  for (const part of signedBy.split(/[\s,]+/).filter(Boolean)) {
    if (fingerprint.test(part)) wanted.push(part.replace("!", "").toLowerCase());
    else keys.push(...(await readKeyring(aptRoot(ctx).resolve(part))));
  }
  if (wanted.length > 0) {
    const trusted = await trustedKeyring(ctx);
    keys.push(...trusted.keys.filter((key) => keyFingerprints(key).some((print) => wanted.includes(print))));
  }
  if (keys.length === 0) throw noKeys(signedBy);
  return { keys, origin: signedBy };
}

function keyFingerprints(key: PublicKey): string[] {
  return [key.getFingerprint(), ...key.subkeys.map((subkey) => subkey.getFingerprint())];
}

async function trustedKeyring(ctx: Context): Promise<Keyring> {
  const root = aptRoot(ctx);
  const folder = root.resolve("/etc/apt/trusted.gpg.d");
  const names = await readdir(folder).catch(() => []);
  const paths = names.filter((name) => /\.(?:gpg|asc)$/.test(name)).map((name) => join(folder, name));
  const keys: PublicKey[] = [];
  for (const path of [root.resolve("/etc/apt/trusted.gpg"), ...paths.sort(), root.resolve(debianKeyring)]) {
    keys.push(...(await readKeyring(path).catch(() => []))); // apt ignores what it can't read here, too.
  }
  if (keys.length === 0) throw noKeys("apt's trusted keys");
  return { keys, origin: "apt's trusted keys" };
}

function noKeys(origin: string): AnyarchError {
  return new AnyarchError("DEBIAN_SIGNATURE", `No key to verify the Debian archive with is in ${origin}.`, {
    hint: "Install the package debian-archive-keyring, or name the archive's keyring with Signed-By in apt's sources or signed-by in anyarch.toml.",
  });
}

async function readKeyring(path: string): Promise<PublicKey[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new AnyarchError("DEBIAN_SIGNATURE", `The keyring ${path} can't be read.`, {
      hint: "Install the package debian-archive-keyring, or correct Signed-By in apt's sources.",
      cause: error,
    });
  }
  const text = bytes.toString("latin1");
  return parseKeys(text.includes(armor) ? text : bytes, path);
}

/** An armored file may hold several blocks one after the other. */
async function parseKeys(content: string | Uint8Array, origin: string): Promise<PublicKey[]> {
  const { readKeys } = await import("openpgp");
  try {
    if (typeof content !== "string") return await readKeys({ binaryKeys: content });
    const blocks = content.match(
      /-----BEGIN PGP PUBLIC KEY BLOCK-----[^]*?-----END PGP PUBLIC KEY BLOCK-----/g,
    );
    const keys = await Promise.all((blocks ?? []).map((block) => readKeys({ armoredKeys: block })));
    return keys.flat();
  } catch (error) {
    throw new AnyarchError("DEBIAN_SIGNATURE", `${origin} holds no readable OpenPGP key.`, { cause: error });
  }
}

/**
 * The signed text of a clear-signed message (RFC 9580, section 7). At least one signature must be good and made
 * by a key of the ring that is neither expired nor revoked; a bad signature of a known key fails, those
 * of unknown keys don't count. Throws DEBIAN_SIGNATURE that names `what`.
 */
export async function verifyClearsigned(
  bytes: Uint8Array,
  what: string,
  keyring: Keyring,
  now: Date,
): Promise<string> {
  const text = Buffer.from(bytes).toString("utf8").trim();
  // Nothing may stand before or after what is signed.
  if (
    !text.startsWith("-----BEGIN PGP SIGNED MESSAGE-----") ||
    !text.endsWith("-----END PGP SIGNATURE-----")
  ) {
    throw untrusted(
      what,
      "it isn't a clear-signed file",
      "Something else answers instead of the mirror; check its address.",
    );
  }
  const openpgp = await import("openpgp");
  let result;
  try {
    const message = await openpgp.readCleartextMessage({ cleartextMessage: text });
    result = await openpgp.verify({ message, verificationKeys: [...keyring.keys], date: now });
  } catch (error) {
    throw untrusted(what, "its signature can't be read", "Check that the mirror is a Debian archive.", error);
  }
  await checkSignatures(result.signatures, what, keyring, now);
  return result.data;
}

function untrusted(what: string, why: string, hint: string, cause?: unknown): AnyarchError {
  return new AnyarchError("DEBIAN_SIGNATURE", `${what} is not trusted: ${why}.`, { hint, cause });
}

async function checkSignatures(
  signatures: readonly VerificationResult[],
  what: string,
  keyring: Keyring,
  now: Date,
): Promise<void> {
  const worthless: string[] = [];
  let good = 0;
  for (const { keyID, verified } of signatures) {
    const id = keyID.toHex().toUpperCase();
    const signer = keyring.keys.find((key) => key.getKeys(keyID).length > 0);
    if (signer === undefined) {
      verified.catch(() => {}); // It says only that the key is unknown.
      worthless.push(`key ${id}, which isn't in ${keyring.origin}`);
      continue;
    }
    try {
      await verified;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw untrusted(
        what,
        `the signature by key ${id} is bad (${why})`,
        "The file was changed on its way, or the keyring or the clock is out of date. Nothing of it is used.",
        error,
      );
    }
    // A key that expired since doesn't count; others may have signed, too.
    const usable = await signer.getSigningKey(keyID, now).then(Boolean, () => false);
    if (usable) good++;
    else worthless.push(`key ${id}, which is expired or revoked`);
  }
  if (good > 0) return;
  throw untrusted(
    what,
    worthless.length === 0 ? "it has no signature" : `it is signed by ${worthless.join(" and ")}`,
    "Update the package debian-archive-keyring, or name the right keyring with Signed-By.",
  );
}
