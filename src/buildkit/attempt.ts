import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, samePlatform } from "../oci/platform.ts";
import type { DockerfileRequest, RequestedPlatform } from "../plan/dockerfile-request.ts";
import { LayoutStore } from "../stores/layout-store.ts";
import { openStore, type StoreOptions } from "../stores/locations.ts";
import type { ReadableStore } from "../stores/store.ts";
import { chooseDelivery } from "./delivery.ts";
import type { DeliveredImage } from "./outcome.ts";
import type { Prepare } from "./prepared-solve.ts";
import type { SolveResult } from "./run-solve.ts";
import type { Delivery } from "./solve.ts";
import { solveFor } from "./solve-for.ts";

/** Prepares attempts whose files are in `workspace`, each in a directory of its own. */
export function prepareIn(workspace: string, request: DockerfileRequest, stores: StoreOptions): Prepare {
  return async (node, platform) => {
    const requested: RequestedPlatform = request.platforms.find((one) =>
      samePlatform(one.platform, platform),
    ) ?? { platform, optional: false };
    const directory = await mkdtemp(join(workspace, "attempt-"));
    const delivery = chooseDelivery(request, node, platform, directory);
    const metadataFile = join(directory, "metadata.json");
    return {
      solve: solveFor(request, requested, delivery, metadataFile),
      open: (result, ctx) => openResult(delivery, result, formatPlatform(platform), stores, ctx),
    };
  };
}

/** The image where it was delivered to. Throws BUILD_FAILED where the node delivered nothing. */
async function openResult(
  delivery: Delivery,
  { descriptor, metadata }: SolveResult,
  platform: string,
  stores: StoreOptions,
  ctx: Context,
): Promise<DeliveredImage> {
  const opened = await storeOf(delivery, stores, ctx);
  if (opened === undefined) {
    throw new AnyarchError("BUILD_FAILED", `The build of ${platform} left no image.`, {
      details: { platform },
    });
  }
  const { store } = opened;
  // Clients from before BuildKit 0.10 tell the digest only.
  const digest = metadata["containerimage.digest"];
  const reference = typeof digest === "string" ? digest : opened.reference;
  return { store, descriptor: descriptor ?? (await store.resolve(reference, ctx)) };
}

async function storeOf(
  delivery: Delivery,
  stores: StoreOptions,
  ctx: Context,
): Promise<{ readonly store: ReadableStore; readonly reference: string } | undefined> {
  switch (delivery.kind) {
    case "layout":
      return { store: new LayoutStore(delivery.directory), reference: "" };
    case "push-by-digest":
      return openStore(`docker://${delivery.repository}`, stores, ctx);
    case "push-tag":
      return openStore(`docker://${delivery.reference}`, stores, ctx);
    case "files":
    case "none":
      return undefined;
  }
}
