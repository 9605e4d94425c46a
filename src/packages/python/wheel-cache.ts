import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { publishDirectory, stagingPath } from "../../host/atomic-file.ts";
import type { WheelChoice } from "./select.ts";
import { tagRanks } from "./tags.ts";
import type { PythonTarget } from "./target.ts";
import { bestTag, parseWheelName } from "./wheel-filename.ts";

/** The wheel that {@link keepWheel} put into a directory of the cache; undefined where there is none. */
export async function keptWheel(directory: string): Promise<WheelChoice | undefined> {
  const names = await readdir(directory).catch(() => []);
  const filename = names.find((name) => name.endsWith(".whl"));
  return filename === undefined ? undefined : wheelIn(directory, filename);
}

/** Copies a wheel that was built here into a directory of its own, which appears with it or not at all. */
export async function keepWheel(wheel: string, directory: string): Promise<WheelChoice> {
  const filename = basename(wheel);
  const staging = stagingPath(directory);
  await mkdir(staging, { recursive: true });
  try {
    await copyFile(wheel, join(staging, filename));
    // A cache that was pruned may have left the directory empty.
    await publishDirectory(staging, directory, async () => (await keptWheel(directory)) !== undefined);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return (await keptWheel(directory)) ?? wheelIn(directory, filename);
}

/** The wheel with the tag by which it fits the target; undefined where it doesn't. */
export function fittedWheel(wheel: WheelChoice, target: PythonTarget): WheelChoice | undefined {
  const tag = fittingTag(wheel.filename, target);
  return tag === undefined ? undefined : { ...wheel, tag };
}

/** The best tag of a wheel's name on the target; undefined where it isn't a wheel's, or none fits. */
export function fittingTag(filename: string, target: PythonTarget): string | undefined {
  const name = parseWheelName(filename);
  return name === undefined ? undefined : bestTag(name, tagRanks(target))?.tag;
}

async function wheelIn(directory: string, filename: string): Promise<WheelChoice> {
  const path = join(directory, filename);
  const bytes = await readFile(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const [tag = ""] = parseWheelName(filename)?.tags ?? [];
  const neutral = tag.endsWith("-none-any");
  const url = pathToFileURL(path).href;
  const kind = neutral ? "neutral" : "wheel";
  return { kind, neutral, filename, url, hashes: { sha256 }, size: bytes.byteLength, tag };
}
