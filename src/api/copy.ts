import type { PublishedTo } from "../plan/build-result.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { makeIndex } from "../image/image-index.ts";
import type { Descriptor } from "../oci/content.ts";
import type { Digest } from "../oci/digest.ts";
import { isIndexType } from "../oci/media-type.ts";
import { formatPlatform, parsePlatform, samePlatform } from "../oci/platform.ts";
import { familiarReference, formatReference, parseReference, withDefaultTag } from "../oci/reference.ts";
import { copy as copyContent, type CopyResult } from "../stores/copy.ts";
import { isIndex, loadIndexOrImage } from "../stores/load.ts";
import { openStore, parseLocation, type StoreOptions } from "../stores/locations.ts";
import type { ReadableStore } from "../stores/store.ts";
import { type ApiSettings, storeOptionsFor, withContext } from "./settings.ts";

/** What was copied to where; plain JSON. */
export interface CopyReport {
  readonly schema: "anyarch.copy/v1";
  readonly digest: Digest;
  readonly mediaType: string;
  readonly published: readonly PublishedTo[];
}

export interface CopyOptions {
  /** Only these platforms of an index. */
  readonly platforms?: readonly string[];
  /** Blobs at once; 4 by default. */
  readonly jobs?: number;
}

/**
 * Copies an image or index with all it refers to, byte for byte, to one or more places. A layout that is read
 * without a tag gives the entry named by the first destination's tag, else its newest.
 */
export function copy(
  from: string,
  to: readonly string[],
  options: CopyOptions = {},
  settings: ApiSettings = {},
): Promise<CopyReport> {
  return withContext(settings, async (ctx) => {
    const stores = await storeOptionsFor([from, ...to], settings, ctx);
    await using source = await openStore(from, stores, ctx);
    const descriptor = await resolveSource(source.store, source.reference, to[0], ctx);
    const platforms = options.platforms?.flatMap((list) => list.split(",")).map(parsePlatform);
    const published: PublishedTo[] = [];
    let result: CopyResult | undefined;
    for (const destination of to) {
      await using target = await openStore(destination, stores, ctx);
      result = await copyContent(
        {
          from: source.store,
          to: target.store,
          descriptor,
          references: target.reference === "" ? [] : [target.reference],
          concurrency: options.jobs ?? 4,
          ...(platforms && { platforms }),
        },
        ctx,
      );
      published.push(report(destination, result));
    }
    if (result === undefined) throw new AnyarchError("USAGE", "No destination was given.");
    return {
      schema: "anyarch.copy/v1",
      digest: result.descriptor.digest,
      mediaType: result.descriptor.mediaType,
      published,
    };
  });
}

async function resolveSource(
  store: ReadableStore,
  reference: string,
  destination: string | undefined,
  ctx: Context,
): Promise<Descriptor> {
  if (reference !== "" || destination === undefined) return store.resolve(reference, ctx);
  const target = parseLocation(destination, ctx.host.cwd);
  const names =
    target.transport === "docker"
      ? [formatReference(target.reference), target.reference.tag ?? "latest"]
      : [];
  for (const name of names) {
    try {
      return await store.resolve(name, ctx);
    } catch (error) {
      if (!(error instanceof AnyarchError) || error.code !== "IMAGE_NOT_FOUND") throw error;
    }
  }
  return store.resolve("", ctx);
}

function report(location: string, { contents, bytes }: CopyResult): PublishedTo {
  const count = (outcome: string): number => contents.filter((content) => content.outcome === outcome).length;
  return {
    location: location.replace(/^docker:\/\//, ""),
    pushed: count("pushed"),
    mounted: count("mounted"),
    existing: count("exists"),
    bytes,
  };
}

/**
 * Makes one index of images and indexes that exist, pushes it to `target`, and copies what its repository
 * lacks. Children keep their bytes. Throws CONTENT_INVALID where two sources are of one platform.
 */
export function createIndex(
  target: string,
  sources: readonly string[],
  options: { readonly annotations?: Readonly<Record<string, string>> } = {},
  settings: ApiSettings = {},
): Promise<CopyReport> {
  return withContext(settings, async (ctx) => {
    const reference = withDefaultTag(parseReference(target));
    const destination = `docker://${formatReference(reference)}`;
    const stores = await storeOptionsFor([destination, ...sources], settings, ctx);
    await using opened = await openStore(destination, stores, ctx);
    const { store } = opened;
    const members: Descriptor[] = [];
    const results: CopyResult[] = [];
    for (const source of sources) {
      const part = await copyMembers(source, members, stores, ctx);
      results.push(await copyContent({ ...part, to: store, references: [], commit: false }, ctx));
    }
    const index = makeIndex(members, { annotations: options.annotations ?? {} });
    await store.push(index.descriptor, index.rawIndex, ctx);
    await store.tag(index.descriptor, opened.reference, ctx);
    await store.commit(ctx);
    const contents = results.flatMap((result) => result.contents);
    const bytes = results.reduce((sum, result) => sum + result.bytes, index.rawIndex.byteLength);
    return {
      schema: "anyarch.copy/v1",
      digest: index.descriptor.digest,
      mediaType: index.descriptor.mediaType,
      published: [report(familiarReference(reference), { descriptor: index.descriptor, contents, bytes })],
    };
  });
}

async function copyMembers(
  location: string,
  members: Descriptor[],
  stores: StoreOptions,
  ctx: Context,
): Promise<{ from: ReadableStore; descriptor: Descriptor }> {
  const source = await openStore(location, stores, ctx);
  const loaded = await loadIndexOrImage(source.store, source.reference, ctx);
  const found = isIndex(loaded) ? loaded.manifests.map(({ descriptor }) => descriptor) : [loaded.descriptor];
  for (const descriptor of found) {
    const { platform } = descriptor;
    const twin = members.find(
      (member) =>
        platform !== undefined && member.platform !== undefined && samePlatform(member.platform, platform),
    );
    if (twin !== undefined && platform !== undefined && platform.os !== "unknown") {
      if (twin.digest === descriptor.digest) continue;
      throw new AnyarchError(
        "CONTENT_INVALID",
        `${location} has ${formatPlatform(platform)}, and so has another source.`,
        {
          hint: "An index names each platform once: leave one of them out.",
        },
      );
    }
    const { annotations: _annotations, ...member } = descriptor;
    members.push(isIndexType(loaded.descriptor.mediaType) ? descriptor : member);
  }
  return { from: source.store, descriptor: loaded.descriptor };
}
