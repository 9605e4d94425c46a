import { accessSync, constants, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import { AnyarchError, type BuildResult } from "../index.ts";

interface ResultFiles {
  readonly metadataFile?: string;
  readonly iidfile?: string;
}

/** Finds out before a build whether its files can be written after it. Throws OUTPUT_UNWRITABLE. */
export function checkResultFiles({ metadataFile, iidfile }: ResultFiles): void {
  for (const path of [metadataFile, iidfile]) {
    if (path === undefined) continue;
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory() === true) throw unwritable(path, "it is a directory");
    try {
      accessSync(there === undefined ? dirname(path) : path, constants.W_OK);
    } catch (error) {
      const absent = systemCode(error) === "ENOENT";
      throw unwritable(path, absent ? `there is no directory ${dirname(path)}` : systemReason(error), error);
    }
  }
}

/** --metadata-file with buildx's keys and ours, and --iidfile. Throws OUTPUT_UNWRITABLE where they can't be written. */
export async function writeResultFiles(result: BuildResult, files: ResultFiles): Promise<void> {
  if (files.metadataFile !== undefined) {
    await write(files.metadataFile, `${JSON.stringify(metadata(result), null, 2)}\n`);
  }
  if (files.iidfile !== undefined) await write(files.iidfile, result.digest);
}

function metadata(result: BuildResult): Record<string, unknown> {
  return {
    "containerimage.digest": result.digest,
    "containerimage.descriptor": { mediaType: result.mediaType, digest: result.digest, size: result.size },
    "image.name": result.tags.join(","),
    "anyarch.platforms": result.platforms.map(({ platform, digest, layers }) => ({
      platform,
      digest,
      node: "local",
      how: "assembled",
      durationMs: result.durationMs,
      layers,
    })),
    "anyarch.omitted": result.omitted,
  };
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw unwritable(path, systemReason(error), error);
  }
}

function unwritable(path: string, why: string, cause?: unknown): AnyarchError {
  return new AnyarchError("OUTPUT_UNWRITABLE", `${path} can't be written: ${why}.`, {
    cause,
    hint: "Name a file in a directory that exists and that you may write to.",
  });
}
