import type { CheckFinding } from "../diagnose/check-dockerfile.ts";
import { basesOf } from "../diagnose/dockerfile/bases.ts";
import { archsOfUrl, downloadsOf } from "../diagnose/dockerfile/downloads.ts";
import { type DockerfileModel, modelOf } from "../diagnose/dockerfile/model.ts";
import { usualPlatforms } from "../diagnose/dockerfile/scenario.ts";
import { isNative } from "../diagnose/dockerfile/uses.ts";
import { isKnown } from "../diagnose/shell/unknown.ts";
import { AnyarchError, isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { indexPlatforms } from "../image/image-index.ts";
import { formatPlatform, matchPlatform, type Platform } from "../oci/platform.ts";
import { isIndex, loadIndexOrImage } from "../stores/load.ts";
import { openStore } from "../stores/locations.ts";
import { missingWheels } from "./check-wheels.ts";
import { type ApiSettings, storeOptionsFor } from "./settings.ts";

export interface OnlineQuestion {
  readonly file: string;
  readonly text: string;
  readonly platforms: readonly Platform[];
  /** Absolute; where requirements files are looked for. */
  readonly directory: string;
}

/**
 * What registries and servers tell of a Dockerfile: platforms of every base and of images that are copied from,
 * existence of files whose address depends on the architecture. What can't be asked is an "info" of the same rule.
 */
export async function askOnline(
  question: OnlineQuestion,
  settings: ApiSettings,
  ctx: Context,
): Promise<CheckFinding[]> {
  const platforms = question.platforms.length > 0 ? question.platforms : usualPlatforms;
  let model: DockerfileModel;
  try {
    model = modelOf(question.text, platforms);
  } catch (error) {
    if (error instanceof AnyarchError) return []; // The offline check has said it.
    throw error;
  }
  const asked = new Asked(question.file, settings, ctx);
  await askBases(model, asked);
  await askCopies(model, platforms, asked);
  await askDownloads(model, asked, ctx);
  await askWheels(model, question.directory, asked, ctx);
  return asked.findings;
}

class Asked {
  readonly findings: CheckFinding[] = [];
  readonly #platforms = new Map<string, Promise<readonly Platform[]>>();
  readonly #file: string;
  readonly #settings: ApiSettings;
  readonly #ctx: Context;

  constructor(file: string, settings: ApiSettings, ctx: Context) {
    this.#file = file;
    this.#settings = settings;
    this.#ctx = ctx;
  }

  add(
    finding: Pick<CheckFinding, "rule" | "severity" | "line" | "message" | "fix"> & {
      readonly platforms: readonly string[];
    },
  ): void {
    const same = this.findings.some(
      ({ rule, line, message }) =>
        rule === finding.rule && line === finding.line && message === finding.message,
    );
    if (same) return;
    const why = finding.severity === "info" ? "It couldn't be asked." : "It was asked for just now.";
    this.findings.push({ ...finding, file: this.#file, endLine: finding.line, why });
  }

  /** The platforms that an image is published for. */
  platformsOf(image: string): Promise<readonly Platform[]> {
    const known = this.#platforms.get(image) ?? this.#ask(image);
    this.#platforms.set(image, known);
    return known;
  }

  async #ask(image: string): Promise<readonly Platform[]> {
    const location = `docker://${image}`;
    const options = await storeOptionsFor([location], this.#settings, this.#ctx);
    await using opened = await openStore(location, options, this.#ctx);
    const loaded = await loadIndexOrImage(opened.store, opened.reference, this.#ctx);
    return isIndex(loaded) ? indexPlatforms(loaded) : [loaded.descriptor.platform];
  }
}

async function askImage(
  asked: Asked,
  image: string,
  wanted: readonly Platform[],
  rule: string,
  line: number,
): Promise<void> {
  try {
    const offered = await asked.platformsOf(image);
    const missing = wanted.filter(
      (platform) =>
        matchPlatform(
          platform,
          offered.map((each) => ({ platform: each })),
        ) === undefined,
    );
    if (missing.length === 0) return;
    const names = missing.map(formatPlatform);
    asked.add({
      rule,
      severity: "error",
      line,
      message: `${image} has no ${names.join(", ")}; it is published for ${offered.map(formatPlatform).join(", ") || "nothing"}.`,
      fix: "Choose a multi-arch release or image, build the software from source on a multi-arch base, or pin the platform and accept emulation (2 to 20 times slower).",
      platforms: names,
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    asked.add({
      rule,
      severity: "info",
      line,
      message: `The platforms of ${image} aren't known: ${reason}`,
      fix: "Check the name and the network, then ask again.",
      platforms: [],
    });
  }
}

async function askBases(model: DockerfileModel, asked: Asked): Promise<void> {
  const wanted = new Map<
    string,
    { readonly line: number; readonly image: string; readonly platforms: Platform[] }
  >();
  for (const { facts, view, image, native } of basesOf(model)) {
    const stage = view.stages[facts.index];
    if (!native || !isKnown(image) || stage === undefined) continue;
    const key = `${facts.index} ${image}`;
    const entry = wanted.get(key) ?? { line: facts.stage.from.line, image, platforms: [] };
    entry.platforms.push(stage.platform);
    wanted.set(key, entry);
  }
  for (const { line, image, platforms } of wanted.values())
    await askImage(asked, image, platforms, "base-image-not-multiarch", line);
}

async function askCopies(
  model: DockerfileModel,
  platforms: readonly Platform[],
  asked: Asked,
): Promise<void> {
  for (const { image, from, instruction, to } of model.copies) {
    if (from !== undefined || image.includes("$")) continue;
    const onlyFor = model.stages[to]?.onlyFor;
    const wanted = platforms.filter(({ architecture }) => onlyFor === undefined || onlyFor.has(architecture));
    await askImage(asked, image, wanted, "copy-from-single-arch-image", instruction.line);
  }
}

/** Wheels of what pip installs. */
async function askWheels(
  model: DockerfileModel,
  directory: string,
  asked: Asked,
  ctx: Context,
): Promise<void> {
  const rule = "pip-sdist-build-likely";
  const fix =
    "Build it with gcc g++ make python3-dev libffi-dev libssl-dev in a separate stage (`pip wheel --no-binary PACKAGE`), choose a version with a wheel, or build on a native machine.";
  try {
    const missing = await missingWheels(model, directory, ctx);
    for (const { line, name, version, platform, source } of missing) {
      const what = source ? "pip compiles it" : "and no source: pip can't install it";
      asked.add({
        rule,
        severity: source ? "info" : "error",
        line,
        message: `${name} ${version} has no wheel for ${platform}: ${what}.`,
        fix,
        platforms: [platform],
      });
    }
  } catch (error) {
    if (isAbort(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    asked.add({
      rule,
      severity: "info",
      line: 1,
      message: `The wheels of Python packages aren't known: ${reason}`,
      fix: "Check the network, then ask again.",
      platforms: [],
    });
  }
}

/** HEAD on the addresses that hold an architecture. */
async function askDownloads(model: DockerfileModel, asked: Asked, ctx: Context): Promise<void> {
  const seen = new Set<string>();
  for (const { url, place, line } of downloadsOf(model)) {
    if (
      !isNative(place.view) ||
      !isKnown(url) ||
      !/^https?:/.test(url) ||
      archsOfUrl(url).length === 0 ||
      seen.has(url)
    )
      continue;
    seen.add(url);
    const status = await headStatus(url, ctx);
    if (status !== 404 && status !== 410) continue;
    asked.add({
      rule: "targetarch-vs-uname-naming-mismatch",
      severity: "error",
      line,
      message: `${url} doesn't exist (${status}).`,
      fix: "Look at the publisher's page for what the file is called, and map the architecture to that name; files that are free of architecture (.wasm, .jar) have one name.",
      platforms: [formatPlatform(place.view.scenario.target)],
    });
  }
}

async function headStatus(url: string, ctx: Context): Promise<number | undefined> {
  try {
    let address = new URL(url);
    for (let hop = 0; hop < 6; hop++) {
      const response = await ctx.host.request({ method: "HEAD", url: address, signal: ctx.signal });
      response.body.destroy();
      const next = response.headers["location"];
      if (response.status < 300 || response.status > 399 || typeof next !== "string") return response.status;
      address = new URL(next, address);
    }
  } catch (error) {
    if (isAbort(error)) throw error;
  }
  return undefined;
}
