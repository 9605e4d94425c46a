import { join } from "node:path";
import { homedir } from "node:os";
import { openDebianBase } from "../../../src/assemble/debian-base.ts";
import { ContentDigests } from "../../../src/assemble/content-digests.ts";
import { LayerBuilder } from "../../../src/assemble/layer-builder.ts";
import { ResultStore } from "../../../src/assemble/result-store.ts";
import { AnyarchError } from "../../../src/errors/error.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { type Image, mutateConfig } from "../../../src/image/image.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { readAptSources, selectSources } from "../../../src/packages/debian/sources.ts";
import { copy } from "../../../src/stores/copy.ts";
import { openStore } from "../../../src/stores/locations.ts";

const suite = "bookworm";

/** What tests that don't test caching keep between runs, so that Debian's packages are fetched once. */
export const testCache: string =
  process.env["ANYARCH_TEST_CACHE"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "anyarch-test-cache");

/** The main archive among the machine's apt sources: for architectures that others of its suites lack. */
export interface MainArchive {
  readonly suite: string;
  readonly mirror: string;
  readonly keyring?: string;
}

/** Undefined where apt's sources name no Debian mirror. */
export async function findMainArchive(): Promise<MainArchive | undefined> {
  const host = createNodeHost({ cacheDir: testCache });
  try {
    const sources = selectSources(await readAptSources(createContext(host)), suite);
    const main = sources.find(
      ({ suites, components }) => suites.includes(suite) && components.includes("main"),
    );
    if (main === undefined) return undefined;
    return { suite, mirror: main.uri, ...(main.signedBy?.startsWith("/") && { keyring: main.signedBy }) };
  } finally {
    await host.close();
  }
}

/** For a configuration file: `[base.debian]` with that archive. */
export function debianTable(archive: MainArchive): string {
  const lines = Object.entries(archive).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return `[base.debian]\n${lines.join("\n")}\n`;
}

export interface PythonBase {
  /** Where to: "docker://localhost:5000/library/python:3.11-slim", "oci:DIR:3.11-slim". */
  readonly to: string;
  readonly platforms: readonly string[];
  /** Of the machine's apt; see {@link findMainArchive}. */
  readonly archive: MainArchive;
  /** An empty directory, for the lock file. */
  readonly directory: string;
  /** Added to the images' environment: what official images say of themselves, or nothing. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Makes what `python:3.11-slim` stands for in the tests: one index with an image of Debian's Python 3.11 for each
 * platform, no application in it. Returns the index's digest.
 */
export async function pushPythonBase(base: PythonBase): Promise<string> {
  const host = createNodeHost({ cacheDir: testCache, cwd: base.directory });
  try {
    const ctx = createContext(host);
    const images = await makeImages(base, ctx);
    const source = new ResultStore(images, {
      annotations: {},
      baseLayers: new Set(),
      mountSource: () => undefined,
    });
    await using target = await openStore(base.to, {}, ctx);
    const { descriptor } = source;
    await copy({ from: source, to: target.store, descriptor, references: [target.reference] }, ctx);
    return descriptor.digest;
  } finally {
    await host.close();
  }
}

async function makeImages(base: PythonBase, ctx: Context): Promise<Image[]> {
  const created = "1970-01-01T00:00:00Z";
  const options = { stores: {}, debian: base.archive, directory: base.directory, updateLock: false, created };
  const debian = await openDebianBase(`deb:${suite}/python3,ca-certificates,dash`, options, ctx);
  const builder = new LayerBuilder(
    { compression: "gzip", mtime: 0, remember: true, jobs: 2 },
    new ContentDigests(ctx.host.cacheDir, base.directory),
  );
  const opened = await debian.open(base.platforms.map(parsePlatform), ctx);
  return Promise.all(
    opened.map(async (platform) => {
      if (platform instanceof AnyarchError) throw platform;
      const { image } = await platform.image(builder, ctx);
      const env = Object.entries(base.env ?? {}).map(([name, value]) => `${name}=${value}`);
      return mutateConfig(image, (config) => ({
        ...config,
        config: { ...config.config, Env: [...(config.config?.Env ?? []), ...env], Cmd: ["python3"] },
      }));
    }),
  );
}
