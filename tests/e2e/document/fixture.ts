import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeTempDir } from "../../../src/host/temp-dir.ts";
import { withCleanup, type Stoppable } from "../../engines/cleanup.ts";
import type { Engines } from "../../engines/install.ts";
import { clientEnvironment, startRegistry, type Registry } from "../../engines/registry.ts";
import { makeWorkspace } from "../anyarch.ts";
import { type MainArchive, pushPythonBase, testCache } from "./python-base.ts";
import { openShell, type Shell } from "./shell.ts";

/** The machine that document 004 was written for, as far as its commands can see. */
export interface DocumentFixture extends Stoppable {
  readonly shell: Shell;
  readonly env: Readonly<Record<string, string>>;
  /** Serves docker.io: plain HTTP, everybody may read and write; python:3.11-slim is there. */
  readonly hub: Registry;
  /** Serves ghcr.io: TLS and a password. */
  readonly ghcr: Registry;
  /** containers' registries.conf, that says so. */
  readonly registriesConf: string;
  /** Digest of the index python:3.11-slim. */
  readonly baseDigest: string;
  /** Where the document's commands run; the document's application is in cross-platform-demo. */
  readonly cwd: string;
}

export const basePlatforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"] as const;

export async function openDocumentFixture(engines: Engines, archive: MainArchive): Promise<DocumentFixture> {
  return withCleanup(async (own) => {
    const { path: directory } = own(await makeTempDir());
    const workspace = makeWorkspace({ cacheDir: testCache });
    own({ [Symbol.asyncDispose]: () => Promise.resolve(workspace[Symbol.dispose]()) });
    const hub = own(await startRegistry());
    const ghcr = own(await startRegistry({ tls: true, auth: "basic" }));
    const registriesConf = join(directory, "registries.conf");
    await writeFile(
      registriesConf,
      [
        `[[registry]]\nprefix = "docker.io"\nlocation = "${hub.host}"\ninsecure = true\n`,
        `[[registry]]\nprefix = "ghcr.io"\nlocation = "${ghcr.host}"\n`,
      ].join("\n"),
    );
    await mkdir(join(directory, "base"));
    const baseDigest = await pushPythonBase({
      to: `docker://${hub.host}/library/python:3.11-slim`,
      platforms: basePlatforms,
      archive,
      directory: join(directory, "base"),
    });
    const env = {
      ...workspace.env,
      ...(await clientEnvironment(join(directory, "client"), [hub, ghcr])),
      CONTAINERS_REGISTRIES_CONF: registriesConf,
    };
    const cwd = workspace.path;
    const shell = await openShell({ bin: join(directory, "bin"), cwd, path: engines.path, env });
    return { shell, env, hub, ghcr, registriesConf, baseDigest, cwd };
  });
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ReadManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ReadConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[];
}

/** An OCI layout as it lies on disk, read with nothing of anyarch's own code. */
export class LayoutOnDisk {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get entries(): readonly Descriptor[] {
    return (this.#json("index.json") as { manifests: Descriptor[] }).manifests;
  }

  /** The entry of a tag. */
  entry(tag: string): Descriptor {
    const name = "org.opencontainers.image.ref.name";
    const found = this.entries.find(({ annotations }) => annotations?.[name] === tag);
    if (found === undefined) throw new Error(`${this.directory} has no tag ${tag}`);
    return found;
  }

  manifest(tag: string): ReadManifest {
    return this.blob(this.entry(tag).digest) as ReadManifest;
  }

  config(tag: string): ReadConfig {
    return this.blob(this.manifest(tag).config.digest) as ReadConfig;
  }

  blob(digest: string): unknown {
    return this.#json(this.pathOf(digest));
  }

  /** Relative to the layout: blobs/sha256/HEX. */
  pathOf(digest: string): string {
    return `blobs/${digest.replace(":", "/")}`;
  }

  has(digest: string): boolean {
    return existsSync(join(this.directory, this.pathOf(digest)));
  }

  #json(path: string): unknown {
    return JSON.parse(readFileSync(join(this.directory, path), "utf8"));
  }
}
