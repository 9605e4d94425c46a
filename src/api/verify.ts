import type { Context } from "../host/context.ts";
import type { Digest } from "../oci/digest.ts";
import { parsePlatform } from "../oci/platform.ts";
import { openStore, type StoreOptions } from "../stores/locations.ts";
import { failureTest } from "../verify/fail-on.ts";
import { layersOf, type VerifyReport, verify as prove } from "../verify/verify.ts";
import { type ApiSettings, configFor, storeOptionsFor, withContext } from "./settings.ts";

export interface VerifyOptions {
  /** Only these platforms. */
  readonly platforms?: readonly string[];
  /** Reads every byte again: digests, sizes, diffIDs. */
  readonly deep?: boolean;
  /**
   * The image that this one is made from: findings about files in its layers are left out. All layers are proved by
   * default.
   */
  readonly base?: string;
  /** Globs of files that may be for any machine, beside those of the configuration. */
  readonly allow?: readonly string[];
  /** What counts as failed: a severity ("error" by default, "none") and codes of findings. */
  readonly failOn?: readonly string[];
}

export interface VerifyResult extends VerifyReport {
  /** Whether there is a finding that counts as failure, by default an error. */
  readonly failed: boolean;
}

/**
 * Reads every ELF file of every layer and compares it with the platform that the image names. Throws USAGE for what
 * `failOn` doesn't know, LOCATION_INVALID, IMAGE_NOT_FOUND, PLATFORM_MISSING, and what reading throws.
 */
export function verify(
  location: string,
  options: VerifyOptions = {},
  settings: ApiSettings = {},
): Promise<VerifyResult> {
  return withContext(settings, async (ctx: Context) => {
    const fails = failureTest(options.failOn ?? []);
    const locations = options.base === undefined ? [location] : [location, options.base];
    const stores = await storeOptionsFor(locations, settings, ctx);
    const config = await configFor(settings, ctx.host.cwd, ctx.host.cwd);
    await using opened = await openStore(location, stores, ctx);
    const platforms = options.platforms?.flatMap((list) => list.split(",")).map(parsePlatform);
    const base = options.base === undefined ? undefined : await baseLayers(options.base, stores, ctx);
    const report = await prove(
      {
        store: opened.store,
        reference: opened.reference,
        allow: [...(config?.verifyAllow ?? []), ...(options.allow ?? [])],
        ...(options.deep === true && { deep: true }),
        ...(platforms && { platforms }),
        ...(base && { base }),
      },
      ctx,
    );
    const failed = report.platforms.some(({ findings }) => findings.some(fails));
    return { ...report, reference: location, failed };
  });
}

async function baseLayers(
  location: string,
  stores: StoreOptions,
  ctx: Context,
): Promise<ReadonlySet<Digest>> {
  await using opened = await openStore(location, stores, ctx);
  return layersOf(opened.store, opened.reference, ctx);
}
