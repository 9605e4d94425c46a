import { formatPlatform } from "../oci/platform.ts";
import type { BuildPlan } from "../plan/build-plan.ts";
import type { AssembledResult, BuiltPlatform } from "../plan/build-result.ts";
import type { AssembledImage } from "./assemble.ts";
import type { Proof } from "./prove.ts";
import type { Published } from "./publish.ts";

interface Outcome {
  readonly plan: BuildPlan;
  readonly images: readonly AssembledImage[];
  readonly proofs: ReadonlyMap<string, Proof>;
  readonly published: Published;
  readonly durationMs: number;
}

/** Puts what was made into the words of the result. */
export function reportResult({ plan, images, proofs, published, durationMs }: Outcome): AssembledResult {
  const holders = new Map<string, number>();
  for (const { image } of images) {
    for (const digest of new Set(image.layers.map(({ descriptor }) => descriptor.digest))) {
      holders.set(digest, (holders.get(digest) ?? 0) + 1);
    }
  }
  return {
    schema: "anyarch.build/v1",
    tags: plan.tags,
    digest: published.descriptor.digest,
    mediaType: published.descriptor.mediaType,
    size: published.descriptor.size,
    platforms: images.map((image) => reportPlatform(image, holders, proofs)),
    omitted: plan.omitted,
    published: published.locations,
    durationMs: Math.round(durationMs),
    plan,
  };
}

function reportPlatform(
  { platform, image, built }: AssembledImage,
  holders: ReadonlyMap<string, number>,
  proofs: ReadonlyMap<string, Proof>,
): BuiltPlatform {
  const name = formatPlatform(platform);
  return {
    platform: name,
    digest: image.descriptor.digest,
    size: image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
    layers: image.layers.map(({ descriptor: { digest, size } }) => {
      const own = built.find(({ layer }) => layer.descriptor.digest === digest);
      return {
        name: own?.name ?? "base",
        digest,
        size,
        cached: own?.cached ?? false,
        base: own === undefined,
        sharedBy: holders.get(digest) ?? 1,
      };
    }),
    placement: "assembled",
    verified: proofs.get(name) ?? { files: 0, elf: 0 },
  };
}
