import { AnyarchError } from "../errors/error.ts";
import { runTask, type Task } from "../events/task.ts";
import { runTogether } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import type { Layer } from "../image/layer.ts";
import type { Digest } from "../oci/digest.ts";
import { shortDigest } from "../oci/digest.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { archiveFindings } from "./archive-findings.ts";
import { checksOf, type Extent } from "./checks.ts";
import { elfFindings } from "./elf-findings.ts";
import { type PlatformReport, sortFindings, type VerifyFinding } from "./finding.ts";
import { imageFindings } from "./image-findings.ts";
import { linkFindings } from "./link-findings.ts";
import { packageFindings } from "./package-findings.ts";
import { LayerScans } from "./layer-scans.ts";
import { pathMatcher } from "./path-pattern.ts";
import { type ReadLayer, Subject } from "./subject.ts";

export interface VerifyImageOptions {
  /** What the image is offered as; by default its descriptor's platform, which is that of its entry in the index. */
  readonly platform?: Platform;
  /** Which layers are read, by the digest of their blob; "all" by default. */
  readonly layers?: "all" | ReadonlySet<Digest>;
  /** Reads every byte and checks its digest even where what a layer holds is remembered; false by default. */
  readonly deep?: boolean;
  /** Reads the layers, those that several images share once; `deep` is then its to know. One of its own by default. */
  readonly scans?: LayerScans;
  /** Globs of files that may be for any machine: cross toolchains, firmware, emulators. */
  readonly allow?: readonly string[];
}

/**
 * Proves that an image holds what its label says: reads every ELF file of its layers and compares it with the
 * claimed platform, and the documents with each other and with the bytes. What is wrong is reported, not
 * thrown; thrown is only what keeps from looking at all (network, cancellation).
 */
export async function verifyImage(
  image: Image,
  options: VerifyImageOptions,
  ctx: Context,
): Promise<PlatformReport> {
  return (await examineImage(image, options, ctx)).report;
}

/** What was found, and what it was found in. */
export interface Examined {
  readonly report: PlatformReport;
  readonly subject: Subject;
}

/** As {@link verifyImage}, for callers that want to know more of the image than what is wrong with it. */
export async function examineImage(
  image: Image,
  options: VerifyImageOptions,
  ctx: Context,
): Promise<Examined> {
  const platform = options.platform ?? image.descriptor.platform;
  const text = formatPlatform(platform);
  return runTask(ctx.emit, "verify every file", { platform: text }, async (task) => {
    const { layers, troubles } = await readLayers(image, options, ctx, task);
    const subject = new Subject({
      platform,
      layers,
      complete: layers.length === image.manifest.layers.length,
      config: image.config,
      allowed: pathMatcher(options.allow ?? []),
    });
    const ofFiles = [...elfFindings(subject), ...linkFindings(subject), ...archiveFindings(subject)];
    const findings = sortFindings([
      ...troubles,
      ...(await imageFindings(image, platform, layers)),
      ...ofFiles,
      ...packageFindings(subject, ofFiles),
    ]);
    const errors = findings.filter(({ severity }) => severity === "error").length;
    const files = sum(layers, ({ scan }) => scan.files);
    const elf = sum(layers, ({ scan }) => scan.elf.length);
    task.detail(`${files} files, ${elf} of them ELF, ${errors === 0 ? "all right" : `${errors} errors`}`);
    const checks = checksOf(findings, extentOf(image, options, layers.length));
    return { report: { platform: text, ok: errors === 0, files, elf, checks, findings }, subject };
  });
}

function extentOf(image: Image, { layers: wanted = "all" }: VerifyImageOptions, read: number): Extent {
  if (read === image.manifest.layers.length) return "all";
  // What was asked for but couldn't be read is no partial proof.
  const asked = image.manifest.layers.filter(({ digest }) => wanted === "all" || wanted.has(digest)).length;
  return read > 0 && read === asked ? "layers" : "documents";
}

interface LayersRead {
  readonly layers: readonly ReadLayer[];
  readonly troubles: readonly VerifyFinding[];
}

async function readLayers(
  image: Image,
  options: VerifyImageOptions,
  ctx: Context,
  task: Task,
): Promise<LayersRead> {
  const { layers: wanted = "all", scans = new LayerScans({ deep: options.deep ?? false }) } = options;
  const layers: ReadLayer[] = [];
  const troubles: VerifyFinding[] = [];
  const read = image.layers.map(() => 0);
  // The largest first: what begins last should be over soon.
  const order = [...image.layers.entries()].sort(([, a], [, b]) => b.descriptor.size - a.descriptor.size);
  const pieces = order.map(([index, layer]) => async (inner: Context): Promise<void> => {
    const { digest } = layer.descriptor;
    if (wanted !== "all" && !wanted.has(digest)) return;
    try {
      const scan = await scans.scan(layer, inner, (current) => {
        read[index] = current;
        const all = read.reduce((total, bytes) => total + bytes, 0);
        task.progress(all, undefined, "bytes");
      });
      layers.push({ index, digest, scan });
    } catch (error) {
      troubles.push(troubleOf(error, index, layer));
    }
  });
  await runTogether(ctx, pieces);
  // They end in any order.
  layers.sort((a, b) => a.index - b.index);
  troubles.sort((a, b) => (a.layerIndex ?? 0) - (b.layerIndex ?? 0));
  return { layers, troubles };
}

function sum(layers: readonly ReadLayer[], of: (layer: ReadLayer) => number): number {
  return layers.reduce((total, layer) => total + of(layer), 0);
}

/** A finding for what is wrong with the layer's bytes; everything else is thrown on. */
function troubleOf(error: unknown, layerIndex: number, { descriptor }: Layer): VerifyFinding {
  if (!(error instanceof AnyarchError)) throw error;
  const { digest } = descriptor;
  const place = { severity: "error", layer: digest, layerIndex } as const;
  const message = `Layer ${layerIndex} ${shortDigest(digest)}: ${error.message}`;
  switch (error.code) {
    case "DIGEST_MISMATCH": {
      const { found } = error.details;
      const text = typeof found === "string" ? found : "other bytes";
      return { ...place, code: "DIGEST_MISMATCH", expected: digest, found: text, message };
    }
    case "IMAGE_NOT_FOUND":
    case "ARCHIVE_INVALID":
    case "ARCHIVE_UNSAFE":
    case "CONTENT_INVALID": {
      const expected = "a layer that can be read";
      return { ...place, code: "LAYER_UNREADABLE", expected, found: error.message, message };
    }
    default:
      throw error;
  }
}
