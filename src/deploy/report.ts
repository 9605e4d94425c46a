import type { Image } from "../image/image.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { formatPlatform, matchPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { type ImageNeeds, imageNeeds } from "../verify/image-needs.ts";
import type { Examined } from "../verify/verify-image.ts";
import { type Cloud, type PlaceMachine, places, placesAsOf } from "./places.ts";
import { needWords, type NeedWords } from "./words.ts";

/** What machines an image needs, and where such machines are; plain JSON. */
export interface RequirementsReport {
  readonly schema: "anyarch.requirements/v1";
  readonly location: string;
  /** What `docker run` calls the image; absent where it is in no registry and no name was given. */
  readonly name?: string;
  /** Of the index, or of the only image. */
  readonly digest: Digest;
  /** In the index's order. */
  readonly platforms: readonly PlatformRequirements[];
  readonly places: readonly Placement[];
  /** The day on which what is said of clouds was looked up: "2026-11-20". */
  readonly asOf: string;
}

/** One platform's needs, as its binaries show them. */
export interface PlatformRequirements extends ImageNeeds {
  readonly platform: string;
  readonly digest: Digest;
  /** Bytes to download: the layers as they are stored. */
  readonly compressed: number;
  /** Bytes on disk, about: the layers' archives unpacked. */
  readonly unpacked: number;
  /** False where `verify` finds errors in it. */
  readonly ok: boolean;
  /** What `verify` counts as errors. */
  readonly errors: number;
  /** The base that the image names, in annotations or labels. */
  readonly base?: { readonly name: string; readonly digest?: Digest };
  /** The same for people. */
  readonly words: NeedWords;
}

/** How an image and a place get on. */
export interface Placement {
  readonly id: string;
  readonly cloud: Cloud;
  readonly name: string;
  /** Platforms of the place that the image serves; `image` is the image's platform that does. */
  readonly runs: readonly (PlaceMachine & { readonly image: string })[];
  /** Platforms of the place that the image lacks; `build` adds it. */
  readonly lacks: readonly (PlaceMachine & { readonly build: string })[];
  readonly note?: string;
  readonly sources: readonly string[];
}

export interface ExaminedImage extends Examined {
  readonly image: Image;
}

export interface ReportOptions {
  readonly location: string;
  readonly name?: string;
  readonly digest: Digest;
  /** Annotations of the index, which those of a manifest go before. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Only places of these; all by default. */
  readonly clouds?: readonly Cloud[];
}

/** Pure. */
export function makeReport(images: readonly ExaminedImage[], options: ReportOptions): RequirementsReport {
  const { location, name, digest, annotations, clouds } = options;
  const platforms = images.map(({ image }) => image.descriptor.platform);
  const wanted = places.filter(({ cloud }) => clouds === undefined || clouds.includes(cloud));
  return {
    schema: "anyarch.requirements/v1",
    location,
    ...(name !== undefined && { name }),
    digest,
    platforms: images.map((examined) => requirementsOf(examined, annotations)),
    places: wanted.map(({ takes, ...place }) => ({ ...place, ...compare(takes, platforms) })),
    asOf: placesAsOf,
  };
}

function requirementsOf(
  { image, report, subject }: ExaminedImage,
  annotations: ReportOptions["annotations"],
): PlatformRequirements {
  const base = baseOf(image, annotations);
  const needs = imageNeeds(subject);
  return {
    platform: report.platform,
    digest: image.descriptor.digest,
    compressed: image.layers.reduce((total, { descriptor }) => total + descriptor.size, 0),
    unpacked: subject.layers.reduce((total, { scan }) => total + scan.size, 0),
    ok: report.ok,
    errors: report.findings.filter(({ severity }) => severity === "error").length,
    ...(base && { base }),
    ...needs,
    words: needWords(subject.platform, needs),
  };
}

/** image-spec annotations.md: what an image says it was made from; labels stand in, as some tools set them. */
function baseOf(image: Image, index: ReportOptions["annotations"]): PlatformRequirements["base"] {
  const said = { ...image.config.config?.Labels, ...index, ...image.manifest.annotations };
  const name = said["org.opencontainers.image.base.name"];
  const digest = said["org.opencontainers.image.base.digest"];
  if (!name) return undefined;
  return { name, ...(digest !== undefined && isDigest(digest) && { digest }) };
}

function compare(
  takes: readonly PlaceMachine[],
  platforms: readonly Platform[],
): Pick<Placement, "runs" | "lacks"> {
  const candidates = platforms.map((platform) => ({ platform }));
  const pairs = takes.map((machine) => ({
    machine,
    image: matchPlatform(parsePlatform(machine.platform), candidates)?.platform,
  }));
  return {
    runs: pairs.flatMap(({ machine, image }) =>
      image === undefined ? [] : [{ ...machine, image: formatPlatform(image) }],
    ),
    lacks: pairs.flatMap(({ machine, image }) => {
      if (image !== undefined) return [];
      const all = [...platforms.map(formatPlatform), machine.platform];
      return [{ ...machine, build: buildCommand(all) }];
    }),
  };
}

/** "anyarch build . --platform linux/amd64,linux/arm64". */
export function buildCommand(platforms: readonly string[], name?: string): string {
  return `anyarch build . --platform ${platforms.join(",")}${name === undefined ? "" : ` --tag ${name}`}`;
}
