import type { Agree } from "../doctor/repair.ts";
import type { DoctorReport } from "../doctor/report.ts";
import type { Context } from "../host/context.ts";
import { parsePlatform, type Platform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import type { ConfigFile } from "../plan/config-file.ts";
import { parsePlatforms } from "../plan/request-parts.ts";
import { type ApiSettings, configFor, withContext } from "./settings.ts";

export interface DoctorOptions {
  /** "ssh://[USER@]HOST[:PORT]"; default: this machine. */
  readonly target?: string;
  /** Those that images are built for; default: the configuration's, else linux/amd64 and linux/arm64. */
  readonly platforms?: readonly string[];
  /** Its clock is compared with the machine's; default: those of the configuration. */
  readonly registry?: string;
  /** "plan" names in the report what would be repaired; a function is asked with the plan before anything is changed. */
  readonly fix?: "plan" | Agree;
}

/**
 * Examines a machine for building images of several platforms; with `fix` repairs what can be. Throws PLATFORM_INVALID,
 * CONFIG_INVALID, and for another machine BUILDER_INVALID, BUILDER_UNREACHABLE, BUILDER_UNTRUSTED, BUILDER_UNAUTHORIZED.
 */
export function doctor(options: DoctorOptions = {}, settings: ApiSettings = {}): Promise<DoctorReport> {
  return withContext(settings, async (ctx) => {
    const config = await configFor(settings, ctx.host.cwd, ctx.host.cwd);
    const about = { platforms: platformsOf(options, config, ctx), registries: registriesOf(options, config) };
    const { target } = options;
    if (target === undefined) {
      const { localProbe } = await import("../doctor/local-probe.ts");
      return treat({ probe: localProbe(ctx), ...about }, options.fix, ctx);
    }
    const { openSshProbe } = await import("../doctor/ssh-probe.ts");
    await using probe = await openSshProbe(target, ctx);
    return await treat({ probe, ...about }, options.fix, ctx);
  });
}

async function treat(
  patient: Parameters<typeof import("../doctor/report.ts").examine>[0],
  fix: DoctorOptions["fix"],
  ctx: Context,
): Promise<DoctorReport> {
  const { examine } = await import("../doctor/report.ts");
  const report = await examine(patient, ctx);
  if (fix === undefined) return report;
  const { repair, withPlan } = await import("../doctor/repair.ts");
  return fix === "plan" ? withPlan(report) : repair(patient, report, fix, ctx);
}

const usual = ["linux/amd64", "linux/arm64"] as const;

function platformsOf(
  { platforms }: DoctorOptions,
  config: ConfigFile | undefined,
  ctx: Context,
): readonly Platform[] {
  const given = platforms ?? config?.build.platforms ?? usual;
  const parsed = parsePlatforms(given, ctx.host.arch);
  return parsed === "all" ? usual.map(parsePlatform) : parsed.map(({ platform }) => platform);
}

function registriesOf({ registry }: DoctorOptions, config: ConfigFile | undefined): readonly string[] {
  if (registry !== undefined) return [registry];
  const hosts = (config?.build.tags ?? []).flatMap((tag) => {
    try {
      return [parseReference(tag).registry];
    } catch {
      return []; // A tag without its registry's prefix, say.
    }
  });
  const [prefix] = config?.build.registry?.split("/") ?? [];
  return [
    ...new Set([
      ...hosts,
      ...(prefix?.includes(".") === true || prefix?.includes(":") === true ? [prefix] : []),
      ...Object.keys(config?.registries ?? {}),
    ]),
  ];
}
