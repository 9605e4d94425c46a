import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openZip } from "../archive/zip-reader.ts";
import type { BuiltFiles, FilesBuilder } from "../buildkit/build-files.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import type { BuiltWheel, WheelBuilder, WheelOrder, WheelSite } from "../packages/python/wheel-builder.ts";
import type { NativeBuildRequest } from "../plan/build-request.ts";
import { openStore, type StoreOptions } from "../stores/locations.ts";
import { elfFits } from "../verify/architecture.ts";
import { readElf } from "../verify/elf.ts";

/**
 * Wheels by BuildKit, for the engine that itself runs nothing of a target. Machines are looked for when the first wheel
 * is to be built: most applications need none. Dispose of it when the wheels were taken.
 */
export class BuildkitWheels implements WheelBuilder, AsyncDisposable {
  readonly packages: readonly string[];
  readonly #request: NativeBuildRequest;
  readonly #stores: StoreOptions;
  #files: FilesBuilder | AnyarchError | undefined;

  constructor(request: NativeBuildRequest, stores: StoreOptions) {
    this.packages = request.packages;
    this.#request = request;
    this.#stores = stores;
  }

  async image(ctx: Context): Promise<string | undefined> {
    const { image } = this.#request;
    if (image === undefined) return undefined;
    const { registry, repository, digest: pinned } = parseReference(image);
    if (pinned !== undefined) return `${registry}/${repository}@${pinned}`;
    await using opened = await openStore(`docker://${image}`, this.#stores, ctx);
    const { digest } = await opened.store.resolve(opened.reference, ctx);
    return `${registry}/${repository}@${digest}`;
  }

  async place(
    dockerfile: string,
    platforms: readonly Platform[],
    ctx: Context,
  ): Promise<ReadonlyMap<string, WheelSite | AnyarchError>> {
    const files = await this.#open(platforms, ctx);
    if (files instanceof AnyarchError) return new Map(platforms.map((one) => [formatPlatform(one), files]));
    const sites = new Map<string, WheelSite | AnyarchError>();
    for (const [platform, placed] of files.place(dockerfile, platforms)) {
      if (placed instanceof AnyarchError) sites.set(platform, placed);
      else {
        const [first] = placed.candidates;
        if (first !== undefined) sites.set(platform, { node: first.node, placement: first.placement });
      }
    }
    return sites;
  }

  async build(order: WheelOrder, ctx: Context): Promise<ReadonlyMap<string, BuiltWheel | AnyarchError>> {
    const files = await this.#open(order.platforms, ctx);
    if (files instanceof AnyarchError) throw files;
    const wheels = new Map<string, BuiltWheel | AnyarchError>();
    const { secrets, ...rest } = order;
    const specs = Object.entries(secrets).map(([id, path]) => `id=${id},src=${path}`);
    for (const [platform, built] of await files.build({ ...rest, secrets: specs }, ctx))
      wheels.set(
        platform,
        built instanceof AnyarchError ? built : await provedWheel(built, parsePlatform(platform)),
      );
    return wheels;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#files !== undefined && !(this.#files instanceof AnyarchError))
      await this.#files[Symbol.asyncDispose]();
  }

  async #open(platforms: readonly Platform[], ctx: Context): Promise<FilesBuilder | AnyarchError> {
    if (this.#files !== undefined) return this.#files;
    const { FilesBuilder: Files } = await import("../buildkit/build-files.ts");
    try {
      this.#files = await Files.open(this.#request, platforms, { stores: this.#stores }, ctx);
    } catch (error) {
      // A machine without a client is no failure: it only can't build this.
      if (!(error instanceof AnyarchError) || error.code !== "BUILDER_TOOL_MISSING") throw error;
      this.#files = error;
    }
    return this.#files;
  }
}

/** The one wheel of a build; an error where there is another number, or native code in it is of another platform. */
async function provedWheel(
  { directory, node, placement }: BuiltFiles,
  platform: Platform,
): Promise<BuiltWheel | AnyarchError> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".whl"));
  const [name] = names;
  if (name === undefined || names.length > 1)
    return new AnyarchError("BUILD_FAILED", `${node} made ${names.length} wheels of it`);
  const path = join(directory, name);
  using wheel = await openZip(path);
  for (const entry of wheel.entries) {
    if (entry.isDirectory || entry.size < 64) continue;
    const facts = readElf(wheel.read(entry));
    if (facts?.kind !== "elf" || (facts.type !== "dyn" && facts.type !== "exec")) continue;
    const fit = elfFits(facts, platform);
    if (!fit.ok) return new AnyarchError("VERIFY_FAILED", `${entry.name} in ${name} ${fit.why}`);
  }
  return { path, node, placement };
}
