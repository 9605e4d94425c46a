import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { needEngine } from "./install.ts";
import { run } from "./process.ts";

export interface Authority {
  /** PEM file of the root certificate. */
  readonly caFile: string;
  /**
   * Issues a certificate for localhost, 127.0.0.1, ::1, reg.test, `*.reg.test` and `hosts`, valid for `days` (10 by default; -1: expired).
   * @returns PEM files.
   */
  issue(
    name: string,
    hosts?: readonly string[],
    days?: number,
  ): Promise<{ readonly certificateFile: string; readonly keyFile: string }>;
}

const names = "DNS:localhost,DNS:reg.test,DNS:*.reg.test,IP:127.0.0.1,IP:::1";

/** A certificate authority of its own in `directory`, which is made. */
export async function createAuthority(directory: string): Promise<Authority> {
  const openssl = (await needEngine("openssl")).program("openssl");
  await mkdir(directory, { recursive: true });
  const file = (name: string): string => join(directory, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const extensions = "basicConstraints=critical,CA:TRUE";
  const subject = ["-subj", "/CN=anyarch test authority", "-addext", extensions];
  const output = ["-keyout", file("ca.key"), "-out", file("ca.pem")];
  await run(openssl, ["req", "-x509", "-days", "10", ...newKey, ...subject, ...output]);
  const issue: Authority["issue"] = async (name, hosts = [], days = 10) => {
    const [keyFile, requestFile] = [file(`${name}.key`), file(`${name}.csr`)];
    const [certificateFile, extensionFile] = [file(`${name}.pem`), file(`${name}.ext`)];
    const all = [names, ...hosts.map((host) => `DNS:${host}`)].join(",");
    await writeFile(extensionFile, `subjectAltName=${all}\nbasicConstraints=CA:FALSE\n`);
    await run(openssl, ["req", ...newKey, "-subj", `/CN=${name}`, "-keyout", keyFile, "-out", requestFile]);
    const signer = [
      "-CA",
      file("ca.pem"),
      "-CAkey",
      file("ca.key"),
      "-CAcreateserial",
      "-days",
      String(days),
    ];
    const input = ["-in", requestFile, "-extfile", extensionFile];
    await run(openssl, ["x509", "-req", ...input, ...signer, "-out", certificateFile]);
    return { certificateFile, keyFile };
  };
  return { caFile: file("ca.pem"), issue };
}

/** The DER bytes of the first certificate of a PEM file, in base64 (RFC 7517 §4.7 `x5c`). */
export async function certificateBase64(pemFile: string): Promise<string> {
  const pem = await readFile(pemFile, "utf8");
  return (/-----BEGIN CERTIFICATE-----([^-]+)/.exec(pem)?.[1] ?? "").replaceAll(/\s/g, "");
}
