import { AnyarchError, isAbort, toAnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { familiarReference, formatReference, type Reference } from "../oci/reference.ts";
import type { BuildRequest } from "../plan/build-request.ts";
import type { PublishedTo } from "../plan/build-result.ts";
import { copy, type CopyResult } from "../stores/copy.ts";
import { LayoutStore } from "../stores/layout-store.ts";
import { openStore, type StoreOptions } from "../stores/locations.ts";
import { RegistryStore } from "../stores/registry-store.ts";
import type { AssembledImage } from "./assemble.ts";
import { type MountSource, ResultStore } from "./result-store.ts";

/** What was published and where. */
export interface Publication {
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
): Promise<Publication> {
  const baseLayers = images.flatMap(({ image, built }) => {
    const own = new Set(built.map(({ layer }) => layer.descriptor.digest));
    return image.layers.map(({ descriptor }) => descriptor.digest).filter((digest) => !own.has(digest));
  });
  const source = new ResultStore(
    images.map(({ image }) => image),
    { annotations: request.annotations, baseLayers: new Set(baseLayers), mountSource },
  );
  const locations: PublishedTo[] = [];
  try {
    for (const output of request.outputs)
      locations.push(await writeOutput(output, source, request, stores, ctx));
    if (request.push) {
      for (const tags of byRepository(request.tags))
        locations.push(await pushTags(tags, source, request, stores, ctx));
    }
  } catch (error) {
    throw withWritten(error, locations);
  }
  return { descriptor: source.descriptor, locations };
}

/** Says what is there already where one of several places fails, or the user stops in between. */
function withWritten(error: unknown, locations: readonly PublishedTo[]): unknown {
  if (locations.length === 0) return isAbort(error) ? cancelledBeforePublishing(error) : error;
  const { code, message, hint, details } = toAnyarchError(error);
  const written = `Written before that: ${locations.map(({ location }) => location).join(", ")}.`;
  return new AnyarchError(code, `${message}\n${written}`, { hint, details, cause: error });
}

/** What Ctrl-C leaves to say as long as nobody can see anything of the build. */
export function cancelledBeforePublishing(cause: unknown): AnyarchError {
  return new AnyarchError("CANCELLED", "Cancelled. Nothing was published.", { cause });
}

/** Throws what pushing the tags would, before there is anything to push. */
export async function checkPush(request: BuildRequest, stores: StoreOptions, ctx: Context): Promise<void> {
  if (!request.push) return;
  const repositories = byRepository(request.tags).flatMap(([tag]) => tag ?? []);
  await Promise.all(
    repositories.map(async (tag) => {
      await using opened = await openStore(`docker://${formatReference(tag)}`, stores, ctx);
      if (opened.store instanceof RegistryStore) await opened.store.repository.checkPush(ctx);
    }),
  );
}

async function writeOutput(
  output: string,
  source: ResultStore,
  request: BuildRequest,
  stores: StoreOptions,
  ctx: Context,
): Promise<PublishedTo> {
  await using opened = await openStore(output, stores, ctx);
  const { store, reference } = opened;
  const common = { from: source, to: store, descriptor: source.descriptor, concurrency: request.jobs };
  if (!(store instanceof LayoutStore) || reference !== "" || request.tags.length === 0) {
    const names = reference === "" ? request.tags.map(nameFor(output)) : [reference];
    return report(output, await copy({ ...common, references: names }, ctx));
  }
  const result = await copy({ ...common, references: [], commit: false }, ctx);
  for (const tag of request.tags.toReversed())
    await store.tagAs(result.descriptor, tag.tag ?? "", formatReference(tag), ctx);
  await store.commit(ctx);
  return report(output, result);
}

/** Archives of Docker name images in full; OCI archives by their tag. */
function nameFor(output: string): (tag: Reference) => string {
  return output.startsWith("docker-archive:") ? familiarReference : (tag) => tag.tag ?? "";
}

function byRepository(tags: readonly Reference[]): readonly (readonly Reference[])[] {
  const groups = new Map<string, Reference[]>();
  for (const tag of tags) {
    const key = `${tag.registry}/${tag.repository}`;
    groups.set(key, [...(groups.get(key) ?? []), tag]);
  }
  return [...groups.values()];
}

async function pushTags(
  tags: readonly Reference[],
  source: ResultStore,
  request: BuildRequest,
  stores: StoreOptions,
  ctx: Context,
): Promise<PublishedTo> {
  const [first] = tags;
  if (first === undefined) throw new AnyarchError("INTERNAL", "A group of tags is empty.");
  await using opened = await openStore(`docker://${formatReference(first)}`, stores, ctx);
  const references = tags.map(({ tag = "latest" }) => tag);
  const result = await copy(
    { from: source, to: opened.store, descriptor: source.descriptor, references, concurrency: request.jobs },
    ctx,
  );
  return report(tags.map(familiarReference).join(", "), result);
}

function report(location: string, { contents, bytes }: CopyResult): PublishedTo {
  const count = (outcome: string): number => contents.filter((content) => content.outcome === outcome).length;
  return { location, pushed: count("pushed"), mounted: count("mounted"), existing: count("exists"), bytes };
}
