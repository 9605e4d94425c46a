import { AnyarchError } from "../errors/error.ts";
import { forEachConcurrently, runTogether } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import { type Descriptor, parseIndex, parseManifest } from "../oci/content.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndexType, isManifestType } from "../oci/media-type.ts";
import { formatPlatform, matchPlatform, type Platform } from "../oci/platform.ts";
import { readContent } from "../stores/graph.ts";
import { isIndex, loadImage, loadIndexOrImage } from "../stores/load.ts";
import { imagesOf, isAttestation, platformMissing } from "../stores/select-platforms.ts";
import type { ReadableStore } from "../stores/store.ts";
import { checksOf, withFindings } from "./checks.ts";
import type { PlatformReport, VerifyFinding } from "./finding.ts";
import { LayerScans } from "./layer-scans.ts";
import { verifyImage, type VerifyImageOptions } from "./verify-image.ts";

export interface VerifyOptions extends Pick<VerifyImageOptions, "layers" | "deep" | "allow"> {
  readonly store: ReadableStore;
  /** As the store's `resolve` takes it: a tag, a digest, "" for the only or newest image. */
  readonly reference: string;
  /** How the report calls what was examined; what the store and the reference make up by default. */
  readonly name?: string;
  /** Only these, each served by itself or a lower variant; all that the index has by default. */
  readonly platforms?: readonly Platform[];
  /** Layers of a base image ({@link layersOf}): findings about files in them are left out, for they aren't this image's. */
  readonly base?: ReadonlySet<Digest>;
}

export interface VerifyReport {
  readonly schema: "anyarch.verify/v1";
  readonly reference: string;
  /** In the index's order. */
  readonly platforms: readonly PlatformReport[];
}

/**
 * Proves an image, or each image of an index but for attestations. `deep` is true by default for stores on this
 * host, whose bytes may have changed, and false for others. Throws IMAGE_NOT_FOUND where the reference stands for
 * nothing, PLATFORM_MISSING, CONTENT_INVALID where there is no image at all, and what keeps from reading (network, credentials).
 */
export async function verify(options: VerifyOptions, ctx: Context): Promise<VerifyReport> {
  const { store, reference } = options;
  const members = await membersOf(store, reference, ctx);
  const wanted = selectMembers(members, options);
  if (wanted.length === 0) {
    throw new AnyarchError(
      "CONTENT_INVALID",
      `${nameOf(store, reference)} holds no image: there is nothing to prove.`,
    );
  }
  const isLocal = store.fileOf !== undefined;
  const scans = new LayerScans({ deep: options.deep ?? isLocal });
  const platforms = await runTogether(
    ctx,
    wanted.map((member) => (inner: Context) => verifyMember(member, options, scans, inner)),
  );
  markTwins(platforms, wanted);
  return {
    schema: "anyarch.verify/v1",
    reference: options.name ?? nameOf(store, reference),
    platforms,
  };
}

/** "registry.example/app:1.0", "oci:dist/image". */
function nameOf(store: ReadableStore, reference: string): string {
  if (reference === "") return store.name;
  return `${store.name}${isDigest(reference) ? "@" : ":"}${reference}`;
}

/** The layers of an image, or of all images of an index. Throws what reading them throws. */
export async function layersOf(
  store: ReadableStore,
  reference: string,
  ctx: Context,
): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  for (const member of await membersOf(store, reference, ctx)) {
    for (const { digest } of parseManifest(await readContent(store, member, ctx)).layers) digests.add(digest);
  }
  return digests;
}

async function membersOf(
  store: ReadableStore,
  reference: string,
  ctx: Context,
): Promise<readonly Descriptor[]> {
  const loaded = await loadIndexOrImage(store, reference, ctx);
  return isIndex(loaded) ? collectMembers(store, loaded.index.manifests, ctx) : [loaded.descriptor];
}

/** How deep indexes may be nested. */
const maxDepth = 4;

/** The images of an index and of those nested in it. */
async function collectMembers(
  store: ReadableStore,
  children: readonly Descriptor[],
  ctx: Context,
  depth = 1,
): Promise<readonly Descriptor[]> {
  const members: Descriptor[] = [];
  for (const child of children) {
    if (isAttestation(child) || child.platform?.os === "unknown") continue;
    if (isManifestType(child.mediaType)) {
      // Artifacts are listed with their type.
      if (child.artifactType === undefined) members.push(child);
    } else if (isIndexType(child.mediaType) && depth < maxDepth) {
      const nested = parseIndex(await readContent(store, child, ctx));
      members.push(...(await collectMembers(store, nested.manifests, ctx, depth + 1)));
    }
  }
  return members;
}

function selectMembers(members: readonly Descriptor[], options: VerifyOptions): readonly Descriptor[] {
  const { platforms, store } = options;
  if (platforms === undefined) return members;
  const candidates = imagesOf(members);
  const found = platforms.map((wanted) => {
    const member = matchPlatform(wanted, candidates);
    if (member !== undefined) return member;
    const has = candidates.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
    throw platformMissing(wanted, has, store.name);
  });
  return [...new Set(found)];
}

async function verifyMember(
  member: Descriptor,
  options: VerifyOptions,
  scans: LayerScans,
  ctx: Context,
): Promise<PlatformReport> {
  const { store } = options;
  let image: Image;
  try {
    image = await loadImage(store, member, ctx);
  } catch (error) {
    return unreadable(error, member);
  }
  if (image.descriptor.platform.os === "windows") return verifyDocuments(image, ctx);
  const whole = await verifyImage(image, { ...options, scans }, ctx);
  const report = options.base === undefined ? whole : withoutBase(whole, options.base);
  const missing = await missingLayers(image, report, options, ctx);
  if (missing.length === 0) return report;
  return withFindings(report, [...report.findings, ...missing]);
}

/** What is in the base stays in view for what the files above it need, but isn't held against this image. */
function withoutBase(report: PlatformReport, base: ReadonlySet<Digest>): PlatformReport {
  const findings = report.findings.filter(
    ({ path, layer }) => path === undefined || layer === undefined || !base.has(layer),
  );
  return withFindings(report, findings);
}

/** Windows' images hold other files, and their base layers may not be distributed at all: only documents are compared. */
async function verifyDocuments(image: Image, ctx: Context): Promise<PlatformReport> {
  return verifyImage(image, { layers: new Set() }, ctx);
}

/** Questions to a registry at a time. */
const requests = 4;

/** Layers whose content is remembered, but that the store doesn't hold. */
async function missingLayers(
  image: Image,
  report: PlatformReport,
  { store, layers = "all" }: VerifyOptions,
  ctx: Context,
): Promise<readonly VerifyFinding[]> {
  const missing = new Set<number>();
  await forEachConcurrently(image.layers.entries(), requests, async ([layerIndex, { descriptor }]) => {
    if (layers !== "all" && !layers.has(descriptor.digest)) return;
    const isKnown = report.findings.some(
      (finding) => finding.path === undefined && finding.layerIndex === layerIndex,
    );
    if (!isKnown && !(await store.exists(descriptor, ctx))) missing.add(layerIndex);
  });
  return image.layers.flatMap(({ descriptor: { digest } }, layerIndex): VerifyFinding[] => {
    if (!missing.has(layerIndex)) return [];
    const message = `Layer ${layerIndex} ${digest} isn't in ${store.name}.`;
    const expected = "a layer that can be read";
    const place = { severity: "error", layer: digest, layerIndex } as const;
    return [{ ...place, code: "LAYER_UNREADABLE", expected, found: "nothing", message }];
  });
}

const contentFaults: ReadonlySet<string> = new Set(["IMAGE_NOT_FOUND", "CONTENT_INVALID", "DIGEST_MISMATCH"]);

/** The report of an image whose documents can't be read; throws what isn't the image's fault. */
function unreadable(error: unknown, member: Descriptor): PlatformReport {
  if (!(error instanceof AnyarchError) || !contentFaults.has(error.code)) throw error;
  const platform = member.platform === undefined ? "unknown" : formatPlatform(member.platform);
  const finding: VerifyFinding = {
    code: error.code === "DIGEST_MISMATCH" ? "DIGEST_MISMATCH" : "MANIFEST_UNREADABLE",
    severity: "error",
    expected: member.digest,
    found: error.message,
    message: `The image for ${platform} can't be read: ${error.message}`,
  };
  const checks = checksOf([finding], "nothing");
  return { platform, ok: false, files: 0, elf: 0, checks, findings: [finding] };
}

/** Clients take the first of two images for the same platform, or the last. */
function markTwins(reports: PlatformReport[], members: readonly Descriptor[]): void {
  const seen = new Set<string>();
  for (const [index, report] of reports.entries()) {
    const platform = members[index]?.platform;
    // Windows' images differ by the version of the system that they are for.
    const details = [platform?.["os.version"], ...(platform?.["os.features"] ?? [])];
    const key = [report.platform, ...details].join(" ");
    if (!seen.has(key)) {
      seen.add(key);
      continue;
    }
    const finding: VerifyFinding = {
      code: "PLATFORM_TWICE",
      severity: "warning",
      expected: `one image for ${report.platform}`,
      found: "more than one",
      message: `The index has more than one image for ${report.platform}.`,
    };
    reports[index] = withFindings(report, [finding, ...report.findings]);
  }
}
