import { isAbort } from "../errors/error.ts";
import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { BuiltPlatform, ReportedLayer } from "../plan/build-result.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import type { StoreOptions } from "../stores/locations.ts";
import { cancelledBeforePublishing, publishTo, type WrittenTo } from "../stores/publish.ts";
import type { DockerfileBuildResult } from "./build-result.ts";
import type { DockerfilePlan } from "./dockerfile-plan.ts";
import { findContainerEngine, loadImage } from "./load-image.ts";
import { type BuiltMember, MergedImage, readMember } from "./merged-image.ts";
import type { PlatformBuilt, PlatformOutcome } from "./outcome.ts";
import { allowPartial } from "./partial-result.ts";
import { type ProvedPlatform, provePlatforms } from "./prove-platforms.ts";
import { readBack } from "./read-back.ts";
import { hideSecrets } from "./secret-args.ts";
import { indexAnnotations } from "./solve-for.ts";
import { removeTemporaryTags } from "./temporary-tags.ts";

/**
 * Makes one image of what the nodes built and publishes it: proved, under all tags with one digest, to all outputs,
 * read back from the registries. Temporary tags are removed whatever happens. `durationMs` of the result is the
 * longest platform's and that of publishing.
 *
 * Throws what a required platform failed with (see allowPartial), VERIFY_FAILED, and what stores throw.
 */
export async function publishPlatforms(
  outcomes: readonly PlatformOutcome[],
  plan: DockerfilePlan,
  request: DockerfileRequest,
  stores: StoreOptions,
  ctx: Context,
): Promise<DockerfileBuildResult> {
  const started = performance.now();
  try {
    const { built, omitted } = allowPartial(outcomes, plan, request);
    const { merged, members, proofs } = await mergeAndProve(built, request, ctx);
    const published = await publishMerged(merged, members, request, stores, ctx);
    const longest = Math.max(...outcomes.map(({ durationMs }) => durationMs));
    const { descriptor } = merged;
    return {
      schema: "anyarch.build/v1",
      tags: plan.tags,
      digest: descriptor.digest,
      mediaType: descriptor.mediaType,
      size: descriptor.size,
      platforms: reportPlatforms(members, proofs, request),
      omitted,
      published,
      durationMs: Math.round(longest + performance.now() - started),
      plan,
    };
  } finally {
    await removeTemporaryTags(request, stores, ctx);
  }
}

interface Merged {
  readonly merged: MergedImage;
  readonly members: readonly BuiltMember[];
  readonly proofs: ReadonlyMap<BuiltMember, ProvedPlatform>;
}

/** Nobody can see anything of it yet. */
async function mergeAndProve(
  built: readonly PlatformBuilt[],
  request: DockerfileRequest,
  ctx: Context,
): Promise<Merged> {
  try {
    return await runTask(ctx.emit, "merge platforms", {}, async (task) => {
      const members = await Promise.all(built.map((outcome) => readMember(outcome, ctx)));
      const proofs = await provePlatforms(members, request, ctx);
      const merged = await MergedImage.of(members, indexAnnotations(request.annotations), ctx);
      task.detail(merged.descriptor.digest);
      return { merged, members, proofs };
    });
  } catch (error) {
    throw isAbort(error) ? cancelledBeforePublishing(error) : error;
  }
}

async function publishMerged(
  merged: MergedImage,
  members: readonly BuiltMember[],
  request: DockerfileRequest,
  stores: StoreOptions,
  ctx: Context,
): Promise<readonly WrittenTo[]> {
  const { descriptor } = merged;
  const images = members.map(({ image }) => {
    const { mediaType, digest, size, platform } = image.descriptor;
    return { platform, descriptor: { mediaType, digest, size, platform } };
  });
  const { tags, jobs } = request;
  const load = async (): Promise<WrittenTo> =>
    loadImage({ source: merged, descriptor, images, tags, jobs }, await findContainerEngine(ctx), ctx);
  const publication = { ...request, source: merged, descriptor };
  const written = await publishTo(publication, stores, ctx, request.load ? [load] : []);
  if (request.push) await readBack(tags, { descriptor, platforms: images }, stores, ctx);
  return written;
}

function reportPlatforms(
  members: readonly BuiltMember[],
  proofs: ReadonlyMap<BuiltMember, ProvedPlatform>,
  request: Pick<DockerfileRequest, "buildArgs" | "platformBuildArgs">,
): readonly BuiltPlatform[] {
  const holders = new Map<string, number>();
  for (const { image } of members) {
    for (const digest of new Set(image.manifest.layers.map((layer) => layer.digest)))
      holders.set(digest, (holders.get(digest) ?? 0) + 1);
  }
  return members.map((member) => {
    const { image, outcome } = member;
    const { verified, own } = proofs.get(member) ?? {};
    const { node, placement, durationMs, attempts } = outcome;
    const platform = formatPlatform(image.descriptor.platform);
    const hide = hideSecrets({ ...request.buildArgs, ...request.platformBuildArgs[platform] });
    return {
      platform,
      digest: image.descriptor.digest,
      size: image.manifest.layers.reduce((sum, { size }) => sum + size, 0),
      layers: reportLayers(member, own, holders).map((layer) => ({ ...layer, name: hide(layer.name) })),
      node,
      placement,
      durationMs: Math.round(durationMs),
      attempts,
      ...(verified && { verified }),
    };
  });
}

function reportLayers(
  { image }: BuiltMember,
  own: ReadonlySet<Digest> | undefined,
  holders: ReadonlyMap<string, number>,
): readonly ReportedLayer[] {
  const steps = (image.config.history ?? []).filter(({ empty_layer: empty }) => empty !== true);
  return image.manifest.layers.map(({ digest, size }, index) => {
    const step = steps.length === image.manifest.layers.length ? steps[index]?.created_by : undefined;
    return {
      name:
        step?.replace(/ # buildkit$/, "").replace(/^RUN \|\d+ .*? \/bin\/sh -c /s, "RUN ") ??
        `layer ${index + 1}`,
      digest,
      size,
      cached: false,
      base: own !== undefined && !own.has(digest),
      sharedBy: holders.get(digest) ?? 1,
    };
  });
}
