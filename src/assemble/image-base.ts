import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AnyarchError, isAbort } from "../errors/error.ts";
import { runTask } from "../events/task.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import type { Context } from "../host/context.ts";
import type { BaseFacts } from "../image/base-facts.ts";
import { indexPlatforms, selectManifest } from "../image/image-index.ts";
import { type Image, platformOf, withPlatform } from "../image/image.ts";
import type { Layer } from "../image/layer.ts";
import { combineFacts, factsAreComplete, type LayerFacts, scanLayerFacts } from "../image/scan-base-facts.ts";
import type { Descriptor } from "../oci/content.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { acceptablePlatforms, formatPlatform, type Platform, samePlatform } from "../oci/platform.ts";
import { BlobCache } from "../stores/blob-cache.ts";
import { isIndex, loadImage, loadIndexOrImage } from "../stores/load.ts";
import { openStore, parseLocation } from "../stores/locations.ts";
import type { ReadableStore } from "../stores/store.ts";
import { type Base, type BaseOptions, orPlatformError, type PlatformBase } from "./base.ts";

/** A base image from a registry, a layout or an archive, chosen by platform. */
export async function openImageBase(location: string, options: BaseOptions, ctx: Context): Promise<Base> {
  const { store, loaded } = await runTask(ctx.emit, `look up base ${location}`, {}, async () => {
    try {
      const opened = await openStore(location, options.stores, ctx);
      return { store: opened.store, loaded: await loadIndexOrImage(opened.store, opened.reference, ctx) };
    } catch (error) {
      throw baseError(error, location);
    }
  });
  const offered = isIndex(loaded) ? indexPlatforms(loaded) : [loaded.descriptor.platform];
  const descriptorFor = (platform: Platform): Descriptor | undefined => {
    if (isIndex(loaded)) return selectManifest(loaded, platform)?.descriptor;
    const own = loaded.descriptor.platform;
    return acceptablePlatforms(platform).some((one) => samePlatform(one, own))
      ? loaded.descriptor
      : undefined;
  };
  return {
    location,
    digest: loaded.descriptor.digest,
    ...pullable(location, loaded.descriptor.digest, ctx),
    platforms: offered,
    mountSource: (registry) => store.mountSource?.(loaded.descriptor, registry),
    open: (wanted) =>
      Promise.all(
        wanted.map((platform) =>
          orPlatformError(async () => {
            const descriptor = descriptorFor(platform);
            if (descriptor === undefined) throw lacksPlatform(location, platform, offered);
            const image = isIndex(loaded) ? await loadImage(store, descriptor, ctx) : loaded;
            checkAgreement(location, descriptor, image);
            return openPlatform(platform, image, store, ctx);
          }),
        ),
      ),
  };
}

function pullable(location: string, digest: Digest, ctx: Context): Pick<Base, "pullable"> {
  const parsed = parseLocation(location, ctx.host.cwd);
  if (parsed.transport !== "docker") return {};
  const { registry, repository } = parsed.reference;
  return { pullable: `${registry}/${repository}@${digest}` };
}

/** Says that it is the base that can't be had; what the user wrote wrongly is said as it is. */
function baseError(error: unknown, location: string): unknown {
  if (!(error instanceof AnyarchError) || isAbort(error)) return error;
  if (error.code === "LOCATION_INVALID" || error.code === "REFERENCE_INVALID") return error;
  if (error.code !== "IMAGE_NOT_FOUND") {
    const { hint, details } = error;
    const message = `The base image ${location} can't be read: ${error.message}`;
    return new AnyarchError(error.code, message, { hint, details, cause: error });
  }
  const message = `The base image ${location} doesn't exist.`;
  const more = error.message.startsWith(`${location} doesn't exist`) ? "" : ` ${error.message}`;
  const check = "Check its name and tag, and that you may read it.";
  return new AnyarchError("BASE_NOT_FOUND", message + more, {
    hint: [error.hint, check].filter(Boolean).join("\n"),
    details: error.details,
    cause: error,
  });
}

function lacksPlatform(location: string, platform: Platform, offered: readonly Platform[]): AnyarchError {
  const list = offered.map(formatPlatform);
  const name = formatPlatform(platform);
  return new AnyarchError(
    "BASE_PLATFORM_MISSING",
    `No matching manifest for ${name}: the base ${location} has ${list.length === 0 ? "no platforms" : list.join(", ")}.`,
    {
      hint: `Choose a base that has ${name} (a deb: base has most), or platforms from the list.`,
      details: { platform: name, available: list },
    },
  );
}

/** An index that calls an image by another platform than the image itself would mislabel what is built on it. */
function checkAgreement(location: string, descriptor: Descriptor, image: Image): void {
  const own = platformOf(image.config);
  const said = descriptor.platform;
  if (
    said === undefined ||
    (said.os === own.os && platformOf(image.config, said).architecture === own.architecture)
  )
    return;
  throw new AnyarchError(
    "BASE_MISMATCH",
    `The base ${location} is mislabelled: its index says ${formatPlatform(said)}, the image's config says ${formatPlatform(own)}.`,
    {
      hint: "Use another tag or digest of it, and tell who maintains it.",
      details: { digest: descriptor.digest },
    },
  );
}

async function openPlatform(
  platform: Platform,
  image: Image,
  store: ReadableStore,
  ctx: Context,
): Promise<PlatformBase> {
  const cached = withCachedLayers(image, store, ctx);
  const facts = await baseFacts(cached, formatPlatform(platform), ctx);
  return {
    platform,
    digest: image.descriptor.digest,
    facts,
    image: () => Promise.resolve({ image: withPlatform(cached, platform), built: [] }),
  };
}

/** Layers that are read at all are read once: through the blob cache, which verifies them. */
function withCachedLayers(image: Image, store: ReadableStore, ctx: Context): Image {
  const cache = new BlobCache(ctx.host.cacheDir);
  const layers = image.layers.map((layer): Layer => ({
    ...layer,
    open: () => cache.getOrFetch(layer.descriptor, () => store.fetch(layer.descriptor, ctx), ctx),
  }));
  return { ...image, layers };
}

async function baseFacts(image: Image, platform: string, ctx: Context): Promise<BaseFacts> {
  const known: LayerFacts[] = [];
  for (const layer of image.layers) {
    if (factsAreComplete(known, image.config)) break;
    known.push(await factsOf(layer, platform, ctx));
  }
  return combineFacts(known, image.config);
}

/** A layer's facts never change: they are remembered by its digest. */
async function factsOf(layer: Layer, platform: string, ctx: Context): Promise<LayerFacts> {
  const path = join(ctx.host.cacheDir, "facts", `${digestHex(layer.descriptor.digest)}.json`);
  const remembered = readFacts(path);
  if (remembered !== undefined) return remembered;
  return runTask(ctx.emit, "look into the base", { platform }, async () => {
    const facts = await scanLayerFacts(layer, ctx.signal).catch(async (error: unknown) => {
      // What can't be read may only be damaged in the cache.
      if (!(await new BlobCache(ctx.host.cacheDir).removeDamaged(layer.descriptor))) throw error;
      return scanLayerFacts(layer, ctx.signal);
    });
    await writeFileAtomic(path, JSON.stringify(facts)).catch(() => {});
    return facts;
  });
}

/** Undefined where nobody has looked yet, or the memory is damaged. */
function readFacts(path: string): LayerFacts | undefined {
  try {
    const facts = JSON.parse(readFileSync(path, "utf8")) as Partial<LayerFacts> | null;
    return typeof facts?.python === "object" && facts.python !== null ? (facts as LayerFacts) : undefined;
  } catch {
    return undefined;
  }
}
