import { runTogether } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { PlatformReport } from "../verify/finding.ts";
import { LayerScans } from "../verify/layer-scans.ts";
import { unproved } from "../verify/unproved.ts";
import { verifyImage } from "../verify/verify-image.ts";
import type { AssembledImage } from "./assemble.ts";
import { assertUndamaged } from "./damaged-cache.ts";

/** What was read to prove one platform. */
export interface Proof {
  readonly files: number;
  readonly elf: number;
}

const leaveOut =
  'Leave the files out with .dockerignore, or, where foreign binaries are meant, allow them: [verify] allow = ["path/**"].';

/**
 * Reads the layers that were made here ("app"), or all ("full"), and compares every ELF file with the platform.
 * Throws VERIFY_FAILED before anything is published.
 */
export async function proveImages(
  images: readonly AssembledImage[],
  scope: "app" | "full",
  allow: readonly string[],
  ctx: Context,
): Promise<ReadonlyMap<string, Proof>> {
  const proofs = new Map<string, Proof>();
  const reports = await readReports(images, scope, allow, ctx);
  for (const [{ platform, image, built, application }, report] of reports) {
    const name = formatPlatform(platform);
    const isApplication = (layer: Digest | undefined): boolean =>
      layer !== undefined && application.has(layer);
    const own = new Set(built.map(({ layer }) => layer.descriptor.digest));
    const wrong = report.findings.filter(({ severity }) => severity === "error");
    const unreadable = new Set(
      wrong.flatMap(({ code, layer }) => (code === "LAYER_UNREADABLE" && layer) || []),
    );
    const suspect = image.layers
      .map(({ descriptor }) => descriptor)
      .filter(({ digest }) => unreadable.has(digest));
    await assertUndamaged(suspect, own, ctx);
    if (wrong.length > 0) throw unproved(report, wrong, leaveOut);
    for (const message of lackingLibraries(report, application))
      ctx.emit({ type: "log", level: "warning", message, platform: name });
    for (const { code, message, layer, severity } of report.findings) {
      if (severity !== "warning" || (code === "ELF_LIBRARY_MISSING" && isApplication(layer))) continue;
      // A distribution's package may hold scripts for interpreters that nobody asked for.
      const level = layer === undefined || isApplication(layer) ? "warning" : "debug";
      ctx.emit({ type: "log", level, message, platform: name });
    }
    proofs.set(name, { files: report.files, elf: report.elf });
  }
  return proofs;
}

/** All platforms at once: they share layers, and while one is compared the layers of another are decompressed. */
async function readReports(
  images: readonly AssembledImage[],
  scope: "app" | "full",
  allow: readonly string[],
  ctx: Context,
): Promise<readonly (readonly [AssembledImage, PlatformReport])[]> {
  const scans = new LayerScans();
  return runTogether(
    ctx,
    images.map((assembled) => async (inner: Context) => {
      const { platform, image, built } = assembled;
      const own = new Set(built.map(({ layer }) => layer.descriptor.digest));
      const layers = scope === "full" ? "all" : own;
      return [assembled, await verifyImage(image, { platform, layers, allow, scans }, inner)] as const;
    }),
  );
}

/**
 * Libraries that the application's own packages need and the image lacks, one line per package: some can do without,
 * most fail when they are imported.
 */
function lackingLibraries(report: PlatformReport, application: ReadonlySet<Digest>): readonly string[] {
  const lacking = new Map<string, { readonly path: string; files: number }>();
  for (const { code, layer, path = "", expected, origin } of report.findings) {
    if (code !== "ELF_LIBRARY_MISSING" || layer === undefined || !application.has(layer)) continue;
    const { name, version = "" } = origin?.package ?? { name: path };
    const line = `${`${name} ${version}`.trim()} needs ${expected}`;
    const known = lacking.get(line);
    if (known === undefined) lacking.set(line, { path, files: 1 });
    else known.files++;
  }
  return [...lacking].map(([line, { path, files }]) => {
    const where = files === 1 ? path : `${path} and ${files - 1} more`;
    return `${line}, which the image lacks (${where}): choose a base that has it, or add its package to [base.debian] packages.`;
  });
}
