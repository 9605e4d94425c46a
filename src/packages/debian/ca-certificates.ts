import type { Entry } from "../../archive/entry.ts";
import { textFile } from "./dpkg-database.ts";
import { subjectHash } from "./x509-name-hash.ts";

const store = "usr/share/ca-certificates/";

const header = `# Certificates under /usr/share/ca-certificates that update-ca-certificates(8) puts into /etc/ssl/certs.
# A line that begins with ! deselects its certificate.
`;

/** A certificate of the package: its path in the image and its PEM text. */
export interface Certificate {
  readonly path: string;
  readonly pem: string;
}

/**
 * What update-ca-certificates makes of all certificates under /usr/share/ca-certificates: the bundle, links
 * by name, links by subject hash (OpenSSL's directory lookup), and the configuration that lists them.
 */
export function caCertificates(certificates: readonly Certificate[]): Entry[] {
  const sorted = [...certificates].sort((a, b) => (a.path < b.path ? -1 : 1));
  const links: Entry[] = [];
  const taken = new Map<string, number>();
  for (const { path, pem } of sorted) {
    const name = `${linkName(path)}.pem`;
    const hash = subjectHash(pem);
    const number = taken.get(hash) ?? 0;
    taken.set(hash, number + 1);
    links.push(link(`etc/ssl/certs/${name}`, `/${path}`), link(`etc/ssl/certs/${hash}.${number}`, name));
  }
  const list = sorted.map(({ path }) => `${path.slice(store.length)}\n`).join("");
  const bundle = sorted.map(({ pem }) => (pem.endsWith("\n") ? pem : `${pem}\n`)).join("");
  return [
    textFile("etc/ca-certificates.conf", header + list),
    textFile("etc/ssl/certs/ca-certificates.crt", bundle),
    ...links,
  ];
}

/** As update-ca-certificates names them. */
function linkName(path: string): string {
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/\.crt$/, "");
  return base.replaceAll(" ", "_").replace(/[()]/g, "=").replaceAll(",", "_");
}

function link(path: string, target: string): Entry {
  return { type: "symlink", path, mode: 0o777, target };
}
