import { AnyarchError, isAbort, toAnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { familiarReference, formatReference, type Reference } from "../oci/reference.ts";
import { copy, type CopyResult } from "./copy.ts";
import { LayoutStore } from "./layout-store.ts";
import { openStore, type StoreOptions } from "./locations.ts";
import { RegistryStore } from "./registry-store.ts";
import type { ReadableStore } from "./store.ts";

/** An image or index that a build made, and where it shall be. */
export interface Publication {
  readonly source: ReadableStore;
  readonly descriptor: Descriptor;
  readonly tags: readonly Reference[];
  /** Locations, beside the registries of the tags. */
  readonly outputs: readonly string[];
  /** Whether it is pushed to the registries of the tags. */
  readonly push: boolean;
  /** Blobs at a time. */
  readonly jobs: number;
}

export interface WrittenTo {
  readonly location: string;
  readonly pushed: number;
  readonly mounted: number;
  /** Blobs and manifests that were there already. */
  readonly existing: number;
  /** Bytes that were transferred. */
  readonly bytes: number;
}

/**
 * Copies to every output, then to every tag's registry; all tags stand for the same digest. What goes wrong says what
 * was written before it.
 */
export async function publishTo(
  publication: Publication,
  stores: StoreOptions,
  ctx: Context,
  /** Other places, which come after the outputs and before the registries. */
  others: readonly (() => Promise<WrittenTo>)[] = [],
): Promise<readonly WrittenTo[]> {
  const { outputs, push, tags } = publication;
  const steps = [
    ...outputs.map((output) => () => writeOutput(output, publication, stores, ctx)),
    ...others,
    ...(push ? byRepository(tags) : []).map((group) => () => pushTags(group, publication, stores, ctx)),
  ];
  const written: WrittenTo[] = [];
  try {
    for (const step of steps) written.push(await step());
  } catch (error) {
    throw withWritten(error, written);
  }
  return written;
}

/** Says what is there already where one of several places fails, or the user stops in between. */
function withWritten(error: unknown, written: readonly WrittenTo[]): unknown {
  if (written.length === 0) return isAbort(error) ? cancelledBeforePublishing(error) : error;
  const { code, message, hint, details } = toAnyarchError(error);
  const before = `Written before that: ${written.map(({ location }) => location).join(", ")}.`;
  return new AnyarchError(code, `${message}\n${before}`, { hint, details, cause: error });
}

/** What Ctrl-C leaves to say as long as nobody can see anything of the build. */
export function cancelledBeforePublishing(cause: unknown): AnyarchError {
  return new AnyarchError("CANCELLED", "Cancelled. Nothing was published.", { cause });
}

/** Throws what pushing the tags would, before there is anything to push. */
export async function checkPush(
  tags: readonly Reference[],
  stores: StoreOptions,
  ctx: Context,
): Promise<void> {
  const repositories = byRepository(tags).flatMap(([tag]) => tag ?? []);
  await Promise.all(
    repositories.map(async (tag) => {
      await using opened = await openStore(`docker://${formatReference(tag)}`, stores, ctx);
      if (opened.store instanceof RegistryStore) await opened.store.repository.checkPush(ctx);
    }),
  );
}

async function writeOutput(
  output: string,
  { source, descriptor, tags, jobs }: Publication,
  stores: StoreOptions,
  ctx: Context,
): Promise<WrittenTo> {
  await using opened = await openStore(output, stores, ctx);
  const { store, reference } = opened;
  const common = { from: source, to: store, descriptor, concurrency: jobs };
  if (!(store instanceof LayoutStore) || reference !== "" || tags.length === 0) {
    const names = reference === "" ? tags.map(nameFor(output)) : [reference];
    return report(output, await copy({ ...common, references: names }, ctx));
  }
  const result = await copy({ ...common, references: [], commit: false }, ctx);
  for (const tag of tags.toReversed())
    await store.tagAs(result.descriptor, tag.tag ?? "", formatReference(tag), ctx);
  await store.commit(ctx);
  return report(output, result);
}

/** Archives of Docker name images in full; OCI archives by their tag. */
function nameFor(output: string): (tag: Reference) => string {
  return output.startsWith("docker-archive:") ? familiarReference : (tag) => tag.tag ?? "";
}

/** Tags grouped by the repository that they are in. */
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
  { source, descriptor, jobs }: Publication,
  stores: StoreOptions,
  ctx: Context,
): Promise<WrittenTo> {
  const [first] = tags;
  if (first === undefined) throw new AnyarchError("INTERNAL", "A group of tags is empty.");
  await using opened = await openStore(`docker://${formatReference(first)}`, stores, ctx);
  const references = tags.map(({ tag = "latest" }) => tag);
  const result = await copy(
    { from: source, to: opened.store, descriptor, references, concurrency: jobs },
    ctx,
  );
  return report(tags.map(familiarReference).join(", "), result);
}

function report(location: string, { contents, bytes }: CopyResult): WrittenTo {
  const count = (outcome: string): number => contents.filter((content) => content.outcome === outcome).length;
  return { location, pushed: count("pushed"), mounted: count("mounted"), existing: count("exists"), bytes };
}
