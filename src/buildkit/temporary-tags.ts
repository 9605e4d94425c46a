import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatReference } from "../oci/reference.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { openStore, type StoreOptions } from "../stores/locations.ts";
import { RegistryStore } from "../stores/registry-store.ts";
import { temporaryTag } from "./delivery.ts";

/** Milliseconds that tidying up may take, also after Ctrl-C. */
const patience = 20_000;

/**
 * Removes the tags under which nodes pushed their platforms: of failed platforms too, which may have got that far. A
 * tag alone is removed, never what it stands for. What the registry doesn't let go stays, and a warning names it.
 */
export async function removeTemporaryTags(
  request: DockerfileRequest,
  stores: StoreOptions,
  ctx: Context,
): Promise<void> {
  const [first] = request.tags;
  if (first === undefined || !request.push || !request.temporaryTags) return;
  const tags = request.platforms.flatMap(({ platform }) => temporaryTag(request, platform) ?? []);
  const patient: Context = { ...ctx, signal: AbortSignal.timeout(patience) };
  const stay: string[] = [];
  let why = "the registry doesn't remove tags";
  await using opened = await openStore(`docker://${formatReference(first)}`, stores, patient);
  const { store } = opened;
  if (!(store instanceof RegistryStore)) return;
  for (const tag of tags) {
    try {
      if ((await store.repository.deleteTag(tag, patient)) || !(await exists(store, tag, patient))) continue;
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    stay.push(tag);
  }
  if (stay.length === 0) return;
  const message = `Temporary tags stay in ${store.name}, because ${why.replace(/\.$/, "")}: ${stay.join(", ")}. They may be removed by hand.`;
  ctx.emit({ type: "log", level: "warning", message });
}

async function exists(store: RegistryStore, tag: string, ctx: Context): Promise<boolean> {
  try {
    await store.repository.getPushed(tag, ctx);
    return true;
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "IMAGE_NOT_FOUND") return false;
    throw error;
  }
}
