import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface TestCertificates {
  /** Path of the authority's PEM. */
  readonly ca: string;
  readonly caPem: string;
  readonly cert: string;
  readonly key: string;
}

interface Shape {
  readonly names?: string;
  readonly days?: number;
}

/** An authority and a certificate for localhost and 127.0.0.x, made by openssl in `dir`. */
export function makeCertificates(dir: string, shape: Shape = {}): TestCertificates {
  const run = (...args: string[]): void => {
    execFileSync("openssl", args, { cwd: dir, stdio: "pipe" });
  };
  const names = shape.names ?? "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3";
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  run(
    "req",
    "-x509",
    ...ec,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "30",
    "-subj",
    "/CN=anyarch test CA",
  );
  run("req", ...ec, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=anyarch test");
  writeFileSync(join(dir, "server.ext"), `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
  const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt"];
  const days = String(shape.days ?? 20);
  run("x509", "-req", "-in", "server.csr", ...sign, "-days", days, "-extfile", "server.ext");
  const read = (name: string): string => readFileSync(join(dir, name), "utf8");
  return {
    ca: join(dir, "ca.crt"),
    caPem: read("ca.crt"),
    cert: read("server.crt"),
    key: read("server.key"),
  };
}
