import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import type { BuildRequest } from "../plan/build-request.ts";
import type { PublishedTo } from "../plan/build-result.ts";
import type { StoreOptions } from "../stores/locations.ts";
import { publishTo } from "../stores/publish.ts";
import type { AssembledImage } from "./assemble.ts";
import { type MountSource, ResultStore } from "./result-store.ts";

/** What was published and where. */
export interface Published {
  readonly descriptor: Descriptor;
  readonly locations: readonly PublishedTo[];
}

/** Copies the images, as one index where there are several, to every output and every tag's registry. */
export async function publish(
  images: readonly AssembledImage[],
  request: BuildRequest,
  stores: StoreOptions,
  mountSource: MountSource,
  ctx: Context,
): Promise<Published> {
  const baseLayers = images.flatMap(({ image, built }) => {
    const own = new Set(built.map(({ layer }) => layer.descriptor.digest));
    return image.layers.map(({ descriptor }) => descriptor.digest).filter((digest) => !own.has(digest));
  });
  const source = new ResultStore(
    images.map(({ image }) => image),
    { annotations: request.annotations, baseLayers: new Set(baseLayers), mountSource },
  );
  const { descriptor } = source;
  return { descriptor, locations: await publishTo({ ...request, source, descriptor }, stores, ctx) };
}
