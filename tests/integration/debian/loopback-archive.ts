import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import * as openpgp from "openpgp";
import type { Entry } from "../../../src/archive/entry.ts";
import { sortEntries } from "../../../src/archive/sort-entries.ts";
import { tarBlocks } from "../../../src/archive/tar-writer.ts";

/** A package to be made: control fields, maintainer scripts and other control files, and what it installs. */
export interface TestPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly control?: Readonly<Record<string, string>>;
  readonly entries?: readonly Entry[];
}

export function file(path: string, text: string, mode = 0o644): Entry {
  const bytes = Buffer.from(text);
  return { type: "file", path, mode, size: bytes.length, content: { bytes } };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function tar(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...tarBlocks(sortEntries(entries))]);
}

function arMember(name: string, content: Buffer): Buffer {
  const header = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${String(content.length).padEnd(10)}\`\n`;
  return Buffer.concat([Buffer.from(header), content, Buffer.alloc(content.length % 2, "\n")]);
}

function controlText(one: TestPackage): string {
  const fields = {
    Package: one.name,
    Version: one.version,
    Architecture: one.architecture,
    Maintainer: "Nobody <nobody@example.test>",
    ...one.fields,
    Description: "made for a test\n with a second line",
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

/** deb(5), with a gzipped control.tar and a plain data.tar. */
function makeDeb(one: TestPackage): Buffer {
  const control = Object.entries({ control: controlText(one), ...one.control }).map(([name, text]) =>
    file(name, text, 0o755),
  );
  return Buffer.concat([
    Buffer.from("!<arch>\n"),
    arMember("debian-binary", Buffer.from("2.0\n")),
    arMember("control.tar.gz", gzipSync(tar(control))),
    arMember("data.tar", tar(one.entries ?? [])),
  ]);
}

export interface ArchiveOptions {
  readonly packages: readonly TestPackage[];
  readonly architectures: readonly string[];
  readonly suite?: string;
  /** Extra fields of the Release file. */
  readonly release?: Readonly<Record<string, string>>;
}

/** A signed archive on loopback; `files` may be changed while it runs, `requests` says what was asked for. */
export interface LoopbackArchive extends AsyncDisposable {
  readonly uri: string;
  readonly publicKey: string;
  readonly files: Map<string, Buffer>;
  readonly requests: string[];
  /** Called first; true when it answered. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export async function startArchive(options: ArchiveOptions): Promise<LoopbackArchive> {
  const suite = options.suite ?? "test";
  const files = new Map<string, Buffer>();
  const key = await openpgp.generateKey({ userIDs: [{ name: "Test archive" }], format: "object" });
  const lists = new Map(options.architectures.map((architecture) => [architecture, ""]));
  for (const one of options.packages) {
    const deb = makeDeb(one);
    const path = `pool/main/${one.name}_${one.version.replace(/^\d+:/, "")}_${one.architecture}.deb`;
    files.set(path, deb);
    const stanza = `${controlText(one)}Filename: ${path}\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\n\n`;
    for (const [architecture, text] of lists) {
      if (one.architecture === architecture || one.architecture === "all")
        lists.set(architecture, text + stanza);
    }
  }
  const sums: string[] = [];
  for (const [architecture, text] of lists) {
    const folder = `main/binary-${architecture}`;
    for (const [name, bytes] of [
      ["Packages", Buffer.from(text)],
      ["Packages.gz", gzipSync(text)],
    ] as const) {
      sums.push(` ${sha256(bytes)} ${bytes.length} ${folder}/${name}`);
      if (name === "Packages.gz") files.set(`dists/${suite}/${folder}/${name}`, bytes);
    }
  }
  const fields = {
    Origin: "Debian",
    Suite: suite,
    Date: "Thu, 01 Jan 2026 00:00:00 UTC",
    Architectures: options.architectures.join(" "),
    Components: "main",
    ...options.release,
  };
  const release = `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("")}SHA256:\n${sums.join("\n")}\n`;
  const message = await openpgp.createCleartextMessage({ text: release });
  const signed = await openpgp.sign({ message, signingKeys: key.privateKey });
  files.set(`dists/${suite}/InRelease`, Buffer.from(signed));
  return serve(files, key.publicKey.armor());
}

async function serve(files: Map<string, Buffer>, publicKey: string): Promise<LoopbackArchive> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").slice("/debian/".length));
    requests.push(path);
    if (archive.intercept(request, response)) return;
    const body = files.get(path);
    const etag = body === undefined ? "" : `"${sha256(body)}"`;
    if (body === undefined) response.writeHead(404).end();
    else if (request.headers["if-none-match"] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag, "content-length": body.length }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const archive: LoopbackArchive = {
    uri: `http://127.0.0.1:${port}/debian`,
    publicKey,
    files,
    requests,
    intercept: () => false,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return archive;
}
