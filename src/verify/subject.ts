import { type Digest, shortDigest } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { FindingOrigin, VerifyFinding } from "./finding.ts";
import { ImageTree } from "./image-tree.ts";
import type { LayerScan, ScannedElf, ScannedFile } from "./layer-scan.ts";

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

/** An image while it is examined: its layers on top of each other, and who put what where. */
export class Subject {
  readonly platform: Platform;
  readonly platformText: string;
  readonly layers: readonly ReadLayer[];
  /** True where all layers were read, so that what isn't in the tree isn't in the image. */
  readonly complete: boolean;
  readonly tree = new ImageTree();
  readonly #allowed: (path: string) => boolean;
  readonly #packages = new Map<string, NonNullable<FindingOrigin["package"]>>();
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
      for (const { kind, name, version, files } of scan.packages) {
        const owner = { kind, name, ...(version !== undefined && { version }) };
        for (const file of files) this.#packages.set(file, owner);
      }
    }
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
    placed: PlacedFile<ScannedFile>,
    finding: Pick<VerifyFinding, "code" | "severity" | "expected" | "found">,
    what: string,
  ): VerifyFinding {
    const { layer, path } = placed;
    const origin = this.#origin(layer.index, [path, placed.file.path, ...(placed.file.hardlinks ?? [])]);
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

  #origin(layer: number, paths: readonly string[]): FindingOrigin | undefined {
    const recorded = paths.map((path) => this.#packages.get(path)).find((owner) => owner !== undefined);
    const owner = recorded ?? npmPackage(paths[0] ?? "");
    const instruction = this.#instructions[layer]?.replaceAll(/\s+/g, " ").trim().slice(0, 200);
    if (owner === undefined && !instruction) return undefined;
    return { ...(owner && { package: owner }), ...(instruction && { instruction }) };
  }
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
  npm: "npm package",
} as const;

/** The innermost package that a path in node_modules belongs to. */
function npmPackage(path: string): NonNullable<FindingOrigin["package"]> | undefined {
  const name = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)\//.exec(path)?.[1];
  return name === undefined ? undefined : { kind: "npm", name };
}
