import { AnyarchError } from "../errors/error.ts";
import { forEachConcurrently, runTogether } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import { type Descriptor, parseIndex } from "../oci/content.ts";
import { isDigest } from "../oci/digest.ts";
import { isIndexType, isManifestType } from "../oci/media-type.ts";
import { formatPlatform, matchPlatform, type Platform } from "../oci/platform.ts";
import { readContent } from "../stores/graph.ts";
import { isIndex, loadImage, loadIndexOrImage } from "../stores/load.ts";
import { imagesOf, isAttestation, platformMissing } from "../stores/select-platforms.ts";
import type { ReadableStore } from "../stores/store.ts";
import { type PlatformReport, sortFindings, type VerifyFinding } from "./finding.ts";
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
  const loaded = await loadIndexOrImage(store, reference, ctx);
  const members = isIndex(loaded)
    ? await collectMembers(store, loaded.index.manifests, ctx)
    : [loaded.descriptor];
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
  return {
    schema: "anyarch.verify/v1",
    reference: options.name ?? nameOf(store, reference),
    platforms: markTwins(platforms),
  };
}

/** "registry.example/app:1.0", "oci:dist/image". */
function nameOf(store: ReadableStore, reference: string): string {
  if (reference === "") return store.name;
  return `${store.name}${isDigest(reference) ? "@" : ":"}${reference}`;
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
  const report = await verifyImage(image, { ...options, scans }, ctx);
  const missing = await missingLayers(image, report, options, ctx);
  if (missing.length === 0) return report;
  return { ...report, ok: false, findings: sortFindings([...report.findings, ...missing]) };
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
  return { platform, ok: false, files: 0, elf: 0, findings: [finding] };
}

/** Clients take the first of two images for the same platform, or the last. */
function markTwins(reports: readonly PlatformReport[]): readonly PlatformReport[] {
  const seen = new Set<string>();
  return reports.map((report) => {
    if (!seen.has(report.platform)) {
      seen.add(report.platform);
      return report;
    }
    const finding: VerifyFinding = {
      code: "PLATFORM_TWICE",
      severity: "warning",
      expected: `one image for ${report.platform}`,
      found: "more than one",
      message: `The index has more than one image for ${report.platform}.`,
    };
    return { ...report, findings: sortFindings([finding, ...report.findings]) };
  });
}
