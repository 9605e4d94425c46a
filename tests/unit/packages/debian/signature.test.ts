import * as openpgp from "openpgp";
import { describe, expect, it } from "vitest";
import { type Keyring, verifyClearsigned } from "../../../../src/packages/debian/signature.ts";

const day = 24 * 60 * 60;
const now = new Date("2026-06-01T12:00:00Z");
const created = new Date("2026-01-01T00:00:00Z");

async function makeKey(lifeDays = 0): Promise<openpgp.PrivateKey> {
  const { privateKey } = await openpgp.generateKey({
    userIDs: [{ name: "Test" }],
    format: "object",
    date: created,
    keyExpirationTime: lifeDays * day,
  });
  return privateKey;
}

async function sign(
  text: string,
  keys: openpgp.PrivateKey[],
  date = new Date("2026-01-02T00:00:00Z"),
): Promise<string> {
  const message = await openpgp.createCleartextMessage({ text });
  return openpgp.sign({ message, signingKeys: keys, date });
}

function ring(...keys: openpgp.PrivateKey[]): Keyring {
  return { keys: keys.map((key) => key.toPublic()), origin: "the ring" };
}

function verify(text: string, keyring: Keyring): Promise<string> {
  return verifyClearsigned(Buffer.from(text), "InRelease", keyring, now);
}

describe("clear-signed files", () => {
  it("give their text where a trusted key signed it", async () => {
    const [mine, other] = await Promise.all([makeKey(), makeKey()]);
    const signed = await sign("Origin: Debian\n- dash\nSuite: x", [other, mine]);
    expect(await verify(signed, ring(mine))).toBe("Origin: Debian\n- dash\nSuite: x");
    expect(await verify(signed, ring(mine, other))).toContain("Suite: x");
  });

  it("are refused where text, signature or frame was touched", async () => {
    const key = await makeKey();
    const signed = await sign("Origin: Debian", [key]);
    const foreign = await sign("Origin: Mallory", [key]);
    const signature = foreign.slice(foreign.indexOf("-----BEGIN PGP SIGNATURE"));
    const cases = [
      signed.replace("Debian", "Debiam"),
      signed.slice(0, signed.indexOf("-----BEGIN PGP SIGNATURE")) + signature,
      `Origin: Mallory\n${signed}`,
      `${signed}\nOrigin: Mallory`,
      signed.slice(0, signed.indexOf("-----BEGIN PGP SIGNATURE")),
      "",
      "Origin: Debian\n",
    ];
    for (const text of cases) {
      await expect(verify(text, ring(key)), text).rejects.toMatchObject({ code: "DEBIAN_SIGNATURE" });
    }
  });

  it("are refused where the only known key is expired, but not where another one signed, too", async () => {
    const [expired, valid] = await Promise.all([makeKey(30), makeKey()]);
    await expect(verify(await sign("x", [expired]), ring(expired, valid))).rejects.toMatchObject({
      code: "DEBIAN_SIGNATURE",
      message: expect.stringContaining("expired or revoked"),
    });
    expect(await verify(await sign("x", [expired, valid]), ring(expired, valid))).toBe("x");
  });

  it("are refused where the key is unknown or the signature is of the future", async () => {
    const [mine, other] = await Promise.all([makeKey(), makeKey()]);
    await expect(verify(await sign("x", [other]), ring(mine))).rejects.toMatchObject({
      message: expect.stringContaining(other.getKeyID().toHex().toUpperCase()),
    });
    const future = await sign("x", [mine], new Date("2027-01-01T00:00:00Z"));
    await expect(verify(future, ring(mine))).rejects.toMatchObject({ code: "DEBIAN_SIGNATURE" });
  });
});
