import type { Context } from "../host/context.ts";
import { parsePlatform } from "../oci/platform.ts";
import { openStore } from "../stores/locations.ts";
import { type VerifyReport, verify as prove } from "../verify/verify.ts";
import { type ApiSettings, configFor, storeOptionsFor, withContext } from "./settings.ts";

export interface VerifyOptions {
  /** Only these platforms. */
  readonly platforms?: readonly string[];
  /** Reads every byte again: digests, sizes, diffIDs. */
  readonly deep?: boolean;
  /** Globs of files that may be for any machine, beside those of the configuration. */
  readonly allow?: readonly string[];
}

/** Reads every ELF file of every layer and compares it with the platform that the image names. */
export function verify(
  location: string,
  options: VerifyOptions = {},
  settings: ApiSettings = {},
): Promise<VerifyReport> {
  return withContext(settings, async (ctx: Context) => {
    const stores = await storeOptionsFor([location], settings, ctx);
    const config = await configFor(settings, ctx.host.cwd, ctx.host.cwd);
    await using opened = await openStore(location, stores, ctx);
    const platforms = options.platforms?.flatMap((list) => list.split(",")).map(parsePlatform);
    const report = await prove(
      {
        store: opened.store,
        reference: opened.reference,
        allow: [...(config?.verifyAllow ?? []), ...(options.allow ?? [])],
        ...(options.deep === true && { deep: true }),
        ...(platforms && { platforms }),
      },
      ctx,
    );
    return { ...report, reference: location };
  });
}
