import { type Digest, shortDigest } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { FindingOrigin, VerifyFinding } from "./finding.ts";
import { ImageTree } from "./image-tree.ts";
import { packageFits } from "./distribution-records.ts";
import { type Libc, libcsIn } from "./libc.ts";
import type { LayerScan, ScannedElf, ScannedFile, ScannedPackage } from "./layer-scan.ts";
import { type StartCommand, startCommand } from "./start-command.ts";

/** A layer that was read, and its place in the image. */
export interface ReadLayer {
  /** From 0 for the lowest. */
  readonly index: number;
  readonly digest: Digest;
  readonly scan: LayerScan;
}

/** A file of a layer, and whether the image shows it. */
export interface PlacedFile<T extends ScannedFile> {
  readonly layer: ReadLayer;
  readonly file: T;
  /** False where a layer above hides or replaces it under all of its names. */
  readonly live: boolean;
  /** The name under which it is live, else its first. */
  readonly path: string;
}

/** What a package says of itself in a file that the image shows. */
export interface PlacedPackage {
  readonly layer: ReadLayer;
  readonly scanned: ScannedPackage;
  /** Where its record is in the image. */
  readonly record: string;
}

/** An image while it is examined: its layers on top of each other, and who put what where. */
export class Subject {
  readonly platform: Platform;
  readonly platformText: string;
  readonly layers: readonly ReadLayer[];
  /** True where all layers were read, so that what isn't in the tree isn't in the image. */
  readonly complete: boolean;
  readonly tree = new ImageTree();
  readonly #allowed: (path: string) => boolean;
  /** What the container runs first; undefined where the config names nothing. */
  readonly start: StartCommand | undefined;
  readonly config: ImageConfig;
  /** The names of all that isn't a directory. */
  readonly names: ReadonlySet<string>;
  /** The C libraries that the image has; empty where not all layers were read. */
  readonly libcs: ReadonlySet<Libc>;
  /** Wheels and npm packages of the image. */
  readonly packages: readonly PlacedPackage[];
  readonly #owners = new Map<string, Owner>();
  /** Directory of an npm package → the package. */
  readonly #npm = new Map<string, PlacedPackage>();
  readonly #instructions: readonly (string | undefined)[];

  constructor(options: {
    readonly platform: Platform;
    readonly layers: readonly ReadLayer[];
    readonly complete: boolean;
    readonly config: ImageConfig;
    readonly allowed: (path: string) => boolean;
  }) {
    this.platform = options.platform;
    this.platformText = formatPlatform(options.platform);
    this.layers = options.layers;
    this.complete = options.complete;
    this.#allowed = options.allowed;
    this.#instructions = (options.config.history ?? [])
      .filter((entry) => entry.empty_layer !== true)
      .map((entry) => entry.created_by ?? entry.comment);
    for (const { index, scan } of options.layers) {
      this.tree.add(scan, index);
      for (const scanned of scan.packages) {
        const owner = { layer: index, scanned };
        for (const file of scanned.files) this.#owners.set(file, owner);
        if (scanned.record !== undefined) this.#owners.set(scanned.record, owner);
      }
    }
    this.config = options.config;
    this.names = this.tree.names();
    this.libcs = options.complete ? libcsIn(this.names) : new Set();
    this.packages = this.#livePackages();
    for (const placed of this.packages) {
      const { scanned, record } = placed;
      if (scanned.kind === "npm") this.#npm.set(record.slice(0, record.lastIndexOf("/")), placed);
    }
    this.start = startCommand(options.config, this.tree);
  }

  #livePackages(): readonly PlacedPackage[] {
    return this.layers.flatMap((layer) =>
      layer.scan.packages.flatMap((scanned): PlacedPackage[] => {
        if (scanned.record === undefined || !this.tree.isLive(layer.index, scanned.record)) return [];
        const record = this.tree.placeOf(layer.index, scanned.record);
        return this.#allowed(record) ? [] : [{ layer, scanned, record }];
      }),
    );
  }

  /** All files of one kind that aren't allowed to be whatever they are. */
  files<T extends ScannedFile>(select: (scan: LayerScan) => readonly T[]): readonly PlacedFile<T>[] {
    return this.layers.flatMap((layer) =>
      select(layer.scan).flatMap((file) => {
        const names = [file.path, ...(file.hardlinks ?? [])];
        const liveName = names.find((name) => this.tree.isLive(layer.index, name));
        const path = this.tree.placeOf(layer.index, liveName ?? file.path);
        if (names.some((name) => this.#allowed(name)) || this.#allowed(path)) return [];
        return [{ layer, file, live: liveName !== undefined, path }];
      }),
    );
  }

  elf(): readonly PlacedFile<ScannedElf>[] {
    return this.files((scan) => scan.elf);
  }

  /**
   * A finding about a file. `what` completes "PATH …" without a full stop; layer and origin are added to it.
   */
  finding(
    placed: Pick<PlacedFile<ScannedFile>, "layer" | "path"> & { readonly file?: ScannedFile },
    finding: Pick<VerifyFinding, "code" | "severity" | "expected" | "found">,
    what: string,
  ): VerifyFinding {
    const { layer, path } = placed;
    const { file } = placed;
    const names = file === undefined ? [] : [file.path, ...(file.hardlinks ?? [])];
    const origin = this.#origin(layer.index, [path, ...names]);
    const { code, severity, expected, found } = finding;
    return {
      code,
      severity,
      path,
      layer: layer.digest,
      layerIndex: layer.index,
      expected,
      found,
      message: `${path} ${what} (${describePlace(layer, origin)})`,
      ...(origin && { origin }),
    };
  }

  /**
   * The distribution's package that brought a file, where it is one for the image's architecture or for all: then the
   * distribution meant it. Not of files that a layer above the package's put in their place.
   */
  distributionOf({ layer, path, file }: PlacedFile<ScannedFile>): ScannedPackage | undefined {
    const owner = this.#ownerOf([path, file.path, ...(file.hardlinks ?? [])]);
    if (owner === undefined || owner.layer < layer.index) return undefined;
    const { architecture } = owner.scanned;
    return architecture !== undefined && packageFits(architecture, this.platform.architecture)
      ? owner.scanned
      : undefined;
  }

  /** True for files that a package of the distribution lists, whatever it is for. */
  isOfDistribution({ path, file }: PlacedFile<ScannedFile>): boolean {
    const kind = this.#ownerOf([path, file.path, ...(file.hardlinks ?? [])])?.scanned.kind;
    return kind === "dpkg" || kind === "apk" || kind === "rpm";
  }

  /** The innermost npm package that a path is in, where its package.json was worth remembering. */
  npmAt(path: string): PlacedPackage | undefined {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const found = this.#npm.get(path.slice(0, end));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #ownerOf(paths: readonly string[]): Owner | undefined {
    return paths.map((path) => this.#owners.get(path)).find((owner) => owner !== undefined);
  }

  #origin(layer: number, paths: readonly string[]): FindingOrigin | undefined {
    const recorded = this.#ownerOf(paths)?.scanned ?? this.npmAt(paths[0] ?? "")?.scanned;
    const owner = recorded === undefined ? npmPackage(paths[0] ?? "") : ownerName(recorded);
    const instruction = this.#instructions[layer]?.replaceAll(/\s+/g, " ").trim().slice(0, 200);
    if (owner === undefined && !instruction) return undefined;
    return { ...(owner && { package: owner }), ...(instruction && { instruction }) };
  }
}

interface Owner {
  /** The layer whose records say so. */
  readonly layer: number;
  readonly scanned: ScannedPackage;
}

function ownerName({ kind, name, version }: ScannedPackage): NonNullable<FindingOrigin["package"]> {
  return { kind, name, ...(version !== undefined && { version }) };
}

/** "wheel numpy 2.1.0, layer 3 0123456789ab, from RUN pip install numpy". */
function describePlace(layer: ReadLayer, origin: FindingOrigin | undefined): string {
  const { package: owner, instruction } = origin ?? {};
  const parts = [`layer ${layer.index} ${shortDigest(layer.digest)}`];
  if (owner) parts.unshift([kindNames[owner.kind], owner.name, owner.version].filter(Boolean).join(" "));
  if (instruction) {
    parts.push(`from ${instruction.length > 80 ? `${instruction.slice(0, 79)}…` : instruction}`);
  }
  return parts.join(", ");
}

const kindNames = {
  wheel: "wheel",
  dpkg: "Debian package",
  apk: "Alpine package",
  rpm: "rpm package",
  npm: "npm package",
} as const;

/** The innermost package that a path in node_modules belongs to. */
function npmPackage(path: string): NonNullable<FindingOrigin["package"]> | undefined {
  const name = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)\//.exec(path)?.[1];
  return name === undefined ? undefined : { kind: "npm", name };
}
