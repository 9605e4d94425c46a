import { setTimeout as sleep } from "node:timers/promises";
import { AnyarchError } from "../errors/error.ts";
import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import { parseImageConfig } from "../oci/image-config.ts";
import { type Descriptor, parseIndex, parseManifest } from "../oci/content.ts";
import { isIndexType } from "../oci/media-type.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { familiarReference, formatReference, type Reference } from "../oci/reference.ts";
import type { Repository } from "../registry/repository.ts";
import { openStore, type StoreOptions } from "../stores/locations.ts";
import { RegistryStore } from "../stores/registry-store.ts";
import { readContent } from "../stores/graph.ts";
import { isAttestation } from "../stores/select-platforms.ts";

/** What a tag shall give to whoever pulls it. */
export interface Expected {
  readonly descriptor: Descriptor;
  readonly platforms: readonly { readonly platform: Platform; readonly descriptor: Descriptor }[];
}

/** Milliseconds to wait before each further look: replicas of a registry may lag behind. */
const patience: readonly number[] = [250, 500, 1000, 2000, 4000];

/**
 * Reads back what was pushed, as a stranger would: the digest under each tag, every platform's manifest and what its
 * config is for, every attestation. Throws VERIFY_FAILED, naming the tag and the platform, what the registry doesn't give.
 */
export async function readBack(
  tags: readonly Reference[],
  expected: Expected,
  stores: StoreOptions,
  ctx: Context,
  waits: readonly number[] = patience,
): Promise<void> {
  for (const tag of tags) {
    await runTask(ctx.emit, `read back ${familiarReference(tag)}`, {}, async (task) => {
      await using opened = await openStore(`docker://${formatReference(tag)}`, stores, ctx);
      if (!(opened.store instanceof RegistryStore)) return;
      const { repository } = opened.store;
      await patiently(tag, waits, ctx, () => checkTag(tag, repository, expected, ctx));
      task.detail(expected.platforms.map(({ platform }) => formatPlatform(platform)).join(", "));
    });
  }
}

/** Again and again where something isn't there yet; other errors are final. */
async function patiently(
  tag: Reference,
  waits: readonly number[],
  ctx: Context,
  look: () => Promise<void>,
): Promise<void> {
  for (const wait of [...waits, undefined]) {
    try {
      await look();
      return;
    } catch (error) {
      const notYet =
        error instanceof AnyarchError && (error.code === "IMAGE_NOT_FOUND" || error.code === "VERIFY_FAILED");
      if (!notYet) throw error;
      if (wait === undefined) throw lost(tag, error);
      ctx.emit({ type: "log", level: "debug", message: `Not yet: ${error.message}` });
      await sleep(wait, undefined, { signal: ctx.signal });
    }
  }
}

function lost(tag: Reference, cause: AnyarchError): AnyarchError {
  const name = familiarReference(tag);
  return new AnyarchError("VERIFY_FAILED", `${name} was pushed, but can't be read back: ${cause.message}`, {
    cause,
    hint: "Look whether the registry removes what has no tag (--temporary-tags helps), or whether somebody else pushes the same tag; then build again.",
    details: { ...cause.details, reference: name },
  });
}

async function checkTag(
  tag: Reference,
  repository: Repository,
  { descriptor, platforms }: Expected,
  ctx: Context,
): Promise<void> {
  const name = familiarReference(tag);
  const found = await repository.getPushed(tag.tag ?? "latest", ctx);
  if (found.descriptor.digest !== descriptor.digest)
    throw differs(`${name} is ${found.descriptor.digest}, not ${descriptor.digest}.`);
  const children = isIndexType(descriptor.mediaType) ? parseIndex(found.bytes).manifests : [descriptor];
  for (const child of children) {
    const wanted = platforms.find((one) => one.descriptor.digest === child.digest);
    if (wanted === undefined && !isAttestation(child)) continue;
    const { bytes } = await repository.getPushed(child.digest, ctx);
    if (wanted !== undefined) await checkConfig(repository, bytes, wanted.platform, ctx);
  }
  const missing = platforms.find((one) => !children.some((child) => child.digest === one.descriptor.digest));
  if (missing !== undefined) throw differs(`${name} has no ${formatPlatform(missing.platform)}.`);
}

async function checkConfig(
  repository: Repository,
  manifest: Uint8Array,
  platform: Platform,
  ctx: Context,
): Promise<void> {
  const { config } = parseManifest(manifest);
  const { os, architecture } = parseImageConfig(
    await readContent(new RegistryStore(repository), config, ctx),
  );
  if (os === platform.os && architecture === platform.architecture) return;
  throw differs(`The image for ${formatPlatform(platform)} says that it is for ${os}/${architecture}.`);
}

function differs(message: string): AnyarchError {
  return new AnyarchError("VERIFY_FAILED", message);
}
