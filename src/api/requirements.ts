import { readFile, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { makeReport, type ExaminedImage, type RequirementsReport } from "../deploy/report.ts";
import { requirementsMarkdown } from "../deploy/markdown.ts";
import { clouds as knownClouds } from "../deploy/places.ts";
import { withSection } from "../deploy/readme-section.ts";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import { runTogether } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import { familiarReference, parseReference } from "../oci/reference.ts";
import { oneOf } from "../plan/request-parts.ts";
import { isIndex, loadIndexOrImage } from "../stores/load.ts";
import { openStore, parseLocation } from "../stores/locations.ts";
import { LayerScans } from "../verify/layer-scans.ts";
import { examineImage } from "../verify/verify-image.ts";
import { type ApiSettings, configFor, storeOptionsFor, withContext } from "./settings.ts";
import { chooseImages } from "./test.ts";

export { requirementsMarkdown } from "../deploy/markdown.ts";

export interface RequirementsOptions {
  /** Only these; all of the image by default. */
  readonly platforms?: readonly string[];
  /** "aws", "azure", "gcp": only their services; by default these, Raspberry Pis and desktops. */
  readonly clouds?: readonly string[];
  /** What commands in the report call the image; the location where it is a registry's. */
  readonly name?: string;
}

/**
 * What machines an image needs, read from its binaries, and where there are such machines. Throws USAGE for a cloud
 * that isn't known, IMAGE_NOT_FOUND, PLATFORM_MISSING, REFERENCE_INVALID, and what keeps from reading the layers.
 */
export function requirements(
  location: string,
  options: RequirementsOptions = {},
  settings: ApiSettings = {},
): Promise<RequirementsReport> {
  const clouds = options.clouds?.map((cloud) => oneOf(cloud, knownClouds, "--cloud"));
  return withContext(settings, async (ctx) => {
    const stores = await storeOptionsFor([location], settings, ctx);
    const config = await configFor(settings, ctx.host.cwd, ctx.host.cwd);
    await using opened = await openStore(location, stores, ctx);
    const { store, reference } = opened;
    const loaded = await loadIndexOrImage(store, reference, ctx);
    const images = await chooseImages(store, reference, options.platforms, ctx);
    if (images.length === 0)
      throw new AnyarchError("CONTENT_INVALID", `${location} holds no image: there is nothing that runs.`);
    const scans = new LayerScans({ deep: store.fileOf !== undefined });
    const allow = config?.verifyAllow ?? [];
    const examined = await runTogether(
      ctx,
      images.map((image) => async (inner: Context): Promise<ExaminedImage> => ({
        image,
        ...(await examineImage(image, { scans, allow }, inner)),
      })),
    );
    const name = nameOf(location, options.name, ctx);
    return makeReport(examined, {
      location,
      ...(name !== undefined && { name }),
      digest: loaded.descriptor.digest,
      annotations: (isIndex(loaded) ? loaded.index.annotations : undefined) ?? {},
      ...(clouds && { clouds }),
    });
  });
}

function nameOf(location: string, given: string | undefined, ctx: Context): string | undefined {
  if (given !== undefined) return familiarReference(parseReference(given));
  const parsed = parseLocation(location, ctx.host.cwd);
  return parsed.transport === "docker" ? familiarReference(parsed.reference) : undefined;
}

export interface WriteOptions {
  /** The document; README.md of the working directory by default. */
  readonly file?: string;
  /** True only compares; false by default. */
  readonly check?: boolean;
}

export interface WrittenRequirements {
  /** Absolute. */
  readonly file: string;
  /** Whether the section wasn't up to date: it is now, unless only a check was asked for. */
  readonly stale: boolean;
}

/**
 * Puts the report's section between the marker comments of a Markdown document, or at its end where it has none;
 * all else in it, line breaks and permissions stay. A document that doesn't exist is made. Throws USAGE for a single
 * marker, INPUT_UNREADABLE, OUTPUT_UNWRITABLE.
 */
export function writeRequirements(
  report: RequirementsReport,
  options: WriteOptions = {},
  settings: ApiSettings = {},
): Promise<WrittenRequirements> {
  return withContext(settings, async ({ host }) => {
    const file = resolve(host.cwd, options.file ?? "README.md");
    const before = await readDocument(file);
    const after = withSection(before?.text ?? "", requirementsMarkdown(report), file);
    const stale = after !== before?.text;
    if (stale && options.check !== true) await writeDocument(before?.path ?? file, after, before?.mode);
    return { file, stale };
  });
}

/** Undefined where there is none. `path` is where links lead. */
async function readDocument(
  file: string,
): Promise<{ readonly path: string; readonly text: string; readonly mode: number } | undefined> {
  try {
    const path = await realpath(file);
    const info = await stat(path);
    if (!info.isFile()) throw new AnyarchError("INPUT_UNREADABLE", `${file} is no file.`);
    // The decoder keeps a byte order mark; other encodings would be written back as something else.
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { path, text: decoder.decode(await readFile(path)), mode: info.mode & 0o777 };
  } catch (error) {
    if (error instanceof AnyarchError) throw error;
    if (systemCode(error) === "ENOENT") return undefined;
    const why = error instanceof TypeError ? "it isn't UTF-8" : systemReason(error);
    throw new AnyarchError("INPUT_UNREADABLE", `${file} can't be read: ${why}.`, { cause: error });
  }
}

async function writeDocument(path: string, text: string, mode?: number): Promise<void> {
  try {
    await writeFileAtomic(path, text, mode);
  } catch (error) {
    throw new AnyarchError("OUTPUT_UNWRITABLE", `${path} can't be written: ${systemReason(error)}.`, {
      cause: error,
    });
  }
}
