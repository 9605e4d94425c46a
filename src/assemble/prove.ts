import type { PackageRow } from "../apps/app-type.ts";
import { AnyarchError } from "../errors/error.ts";
import { runTogether } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { normalizeName } from "../packages/python/name.ts";
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

/** What is proved. */
export interface ProofScope {
  /** The layers that were made here, or all. */
  readonly layers: "app" | "full";
  /** Globs of files that may be for any machine. */
  readonly allow: readonly string[];
  /** Those that were compiled for an image are judged by what they are linked with. */
  readonly packages: readonly PackageRow[];
}

/**
 * Reads layers and compares every ELF file with the platform. Throws VERIFY_FAILED before anything is published; also
 * for a package that was compiled against a library that the image lacks.
 */
export async function proveImages(
  images: readonly AssembledImage[],
  scope: ProofScope,
  ctx: Context,
): Promise<ReadonlyMap<string, Proof>> {
  const proofs = new Map<string, Proof>();
  const reports = await readReports(images, scope, ctx);
  for (const [{ platform, image, built, application }, report] of reports) {
    const name = formatPlatform(platform);
    const isApplication = (layer: Digest | undefined): boolean =>
      layer !== undefined && application.has(layer);
    const own = new Set(built.map(({ layer }) => layer.descriptor.digest));
    const compiled = compiledPackages(scope.packages, name);
    const findings = scope.layers === "full" ? report.findings : notOfBase(report.findings, own);
    const wrong = findings.filter(({ severity }) => severity === "error");
    const unreadable = new Set(
      wrong.flatMap(({ code, layer }) => (code === "LAYER_UNREADABLE" && layer) || []),
    );
    const suspect = image.layers
      .map(({ descriptor }) => descriptor)
      .filter(({ digest }) => unreadable.has(digest));
    await assertUndamaged(suspect, own, ctx);
    if (wrong.length > 0) throw unproved(report, wrong, leaveOut);
    sayLacking(lackingLibraries(report, application), compiled, name, ctx);
    for (const { code, message, layer, severity } of findings) {
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
  { layers: wanted, allow, packages }: ProofScope,
  ctx: Context,
): Promise<readonly (readonly [AssembledImage, PlatformReport])[]> {
  const scans = new LayerScans();
  return runTogether(
    ctx,
    images.map((assembled) => async (inner: Context) => {
      const { platform, image, built } = assembled;
      const own = new Set(built.map(({ layer }) => layer.descriptor.digest));
      // Which libraries there are, the base tells.
      const needsBase = compiledPackages(packages, formatPlatform(platform)).size > 0;
      const layers = wanted === "full" || needsBase ? "all" : own;
      return [assembled, await verifyImage(image, { platform, layers, allow, scans }, inner)] as const;
    }),
  );
}

/** What isn't wrong with the base alone, which nobody asked to judge; one that can't be read proves nothing. */
function notOfBase(
  findings: PlatformReport["findings"],
  own: ReadonlySet<Digest>,
): PlatformReport["findings"] {
  return findings.filter(
    ({ code, layer }) => layer === undefined || own.has(layer) || code === "LAYER_UNREADABLE",
  );
}

/**
 * Libraries that the application's own packages need and the image lacks, one line per package: some can do without,
 * most fail when they are imported.
 */
function lackingLibraries(report: PlatformReport, application: ReadonlySet<Digest>): readonly Lacking[] {
  const lacking = new Map<string, { readonly name: string; readonly path: string; files: number }>();
  for (const { code, layer, path = "", expected, origin } of report.findings) {
    if (code !== "ELF_LIBRARY_MISSING" || layer === undefined || !application.has(layer)) continue;
    const { name, version = "" } = origin?.package ?? { name: path };
    const line = `${`${name} ${version}`.trim()} needs ${expected}`;
    const known = lacking.get(line);
    if (known === undefined) lacking.set(line, { name, path, files: 1 });
    else known.files++;
  }
  return [...lacking].map(([line, { name, path, files }]) => {
    const where = files === 1 ? path : `${path} and ${files - 1} more`;
    return { name, message: `${line}, which the image lacks (${where})` };
  });
}

interface Lacking {
  /** As its record in the image says it. */
  readonly name: string;
  readonly message: string;
}

const addLibrary =
  "Choose a base that has it, or add its package to the base: [base.debian] packages, --base-image deb:SUITE/PACKAGE,….";

/** A wheel that somebody published may do without; one that was compiled here would fail where it is imported. */
function sayLacking(
  lacking: readonly Lacking[],
  compiled: ReadonlySet<string>,
  platform: string,
  ctx: Context,
): void {
  const fatal = lacking.find(({ name }) => compiled.has(normalizeName(name)));
  if (fatal !== undefined)
    throw new AnyarchError("VERIFY_FAILED", `On ${platform}, ${fatal.message}: it was compiled against it.`, {
      hint: addLibrary,
      details: { platform, package: fatal.name },
    });
  for (const { message } of lacking)
    ctx.emit({
      type: "log",
      level: "warning",
      message: `${message}: choose a base that has it, or add its package to [base.debian] packages.`,
      platform,
    });
}

function compiledPackages(packages: readonly PackageRow[], platform: string): ReadonlySet<string> {
  return new Set(
    packages.flatMap(({ name, choices }) => (choices[platform]?.compiled === true ? [name] : [])),
  );
}
