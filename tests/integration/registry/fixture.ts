import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { BuildEvent } from "../../../src/events/event.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import type { Descriptor } from "../../../src/oci/content.ts";
import type { Digest } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";

export interface Fixture {
  readonly dir: string;
  readonly home: string;
  readonly ctx: Context;
  readonly events: BuildEvent[];
  readonly controller: AbortController;
  close(): Promise<void>;
}

/** A host with an empty home and environment, so that nothing of this machine's configuration is seen. */
export function makeFixture(env: Record<string, string> = {}): Fixture {
  const dir = mkdtempSync(join(tmpdir(), "anyarch-test-"));
  const home = join(dir, "home");
  mkdirSync(home);
  const path = process.env["PATH"] ?? "";
  const host = createNodeHost({
    env: { HOME: home, PATH: path, ...env },
    cwd: dir,
    cacheDir: join(dir, "cache"),
  });
  const events: BuildEvent[] = [];
  const controller = new AbortController();
  const ctx = createContext(host, { emit: (event) => events.push(event), signal: controller.signal });
  return {
    dir,
    home,
    ctx,
    events,
    controller,
    close: async () => {
      await host.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function blobOf(bytes: Buffer, mediaType: string = mediaTypes.layerGzip): Descriptor {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}

export function randomBlob(size: number): { readonly bytes: Buffer; readonly descriptor: Descriptor } {
  const bytes = randomBytes(size);
  return { bytes, descriptor: blobOf(bytes) };
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const opener = (bytes: Buffer) => () =>
  Promise.resolve(
    Readable.from(
      (function* () {
        for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
      })(),
    ),
  );
