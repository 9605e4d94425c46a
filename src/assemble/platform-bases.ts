import type { DefaultBase } from "../apps/app-type.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { BuildRequest } from "../plan/build-request.ts";
import { valuesOf } from "../plan/platform-options.ts";
import type { AssembleOptions } from "./assemble.ts";
import { type Base, openBase, type PlatformBase } from "./base.ts";

/**
 * The base for all platforms and those that single platforms have instead, as one. What nobody needs isn't opened.
 * Throws USAGE where two would have to pin their Debian packages in the same lock, and what openBase throws.
 */
export async function openBases(
  wanted: string | DefaultBase,
  request: BuildRequest,
  options: AssembleOptions,
  ctx: Context,
): Promise<Base> {
  const given = { ...options, ...request };
  const { platforms } = request;
  const own = ownBases(request);
  if (own.size === 0) return openBase(wanted, given, ctx);
  const needsCommon = platforms === "all" || platforms.some((platform) => !own.has(formatPlatform(platform)));
  const common = needsCommon ? await openBase(wanted, given, ctx) : undefined;
  const opened = new Map<string, Base>();
  for (const location of new Set(own.values())) opened.set(location, await openBase(location, given, ctx));
  const bases = [...(common ? [common] : []), ...opened.values()];
  checkLocks(bases);
  return combine(common, bases, (platform) => {
    const location = own.get(formatPlatform(platform));
    return location === undefined ? common : opened.get(location);
  });
}

/** Of the platforms asked for, those that have a base of their own. */
function ownBases({ platforms, platformOptions }: BuildRequest): ReadonlyMap<string, string> {
  const asked = platforms === "all" ? undefined : new Set(platforms.map(formatPlatform));
  return new Map(
    Object.entries(valuesOf(platformOptions, "baseImage")).filter(
      ([platform]) => asked === undefined || asked.has(platform),
    ),
  );
}

function checkLocks(bases: readonly Base[]): void {
  const debian = new Set(bases.filter((base) => base.save !== undefined).map(({ location }) => location));
  if (debian.size < 2) return;
  throw new AnyarchError(
    "USAGE",
    `Only one base can be of Debian packages, not ${[...debian].join(" and ")}.`,
    {
      hint: 'anyarch.lock pins the packages of one. Build the other as an image and name that: base_image = "oci:DIR".',
    },
  );
}

function combine(
  common: Base | undefined,
  bases: readonly Base[],
  baseOf: (platform: Platform) => Base | undefined,
): Base {
  const first = common ?? bases[0];
  if (first === undefined) throw new AnyarchError("INTERNAL", "There is no base.");
  return {
    location: first.location,
    ...(first.digest && { digest: first.digest }),
    platforms: first.platforms,
    mountSource: (registry) => bases.map((base) => base.mountSource?.(registry)).find(Boolean),
    async open(platforms, ctx) {
      const results = new Map<string, Awaited<ReturnType<Base["open"]>>[number]>();
      for (const base of bases) {
        const served = platforms.filter((platform) => baseOf(platform) === base);
        if (served.length === 0) continue;
        const answers = await base.open(served, ctx);
        for (const [index, answer] of answers.entries()) {
          const name = formatPlatform(served[index] as Platform);
          results.set(name, base === first || answer instanceof AnyarchError ? answer : named(answer, base));
        }
      }
      return platforms.map((platform) => {
        const result = results.get(formatPlatform(platform));
        if (result === undefined) throw new AnyarchError("INTERNAL", "A platform has no base.");
        return result;
      });
    },
    async save() {
      for (const base of bases) await base.save?.();
    },
  };
}

function named(base: PlatformBase, { location }: Base): PlatformBase {
  const { platform, digest, facts } = base;
  return {
    platform,
    location,
    ...(digest && { digest }),
    facts,
    image: (layers, ctx) => base.image(layers, ctx),
  };
}
