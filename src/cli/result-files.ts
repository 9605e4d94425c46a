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

/** --metadata-file of a build that failed: without a digest, so that whoever reads it learns why. */
export async function writeFailure(
  { code, message, hint, details }: AnyarchError,
  tags: readonly string[],
  { metadataFile }: ResultFiles,
): Promise<void> {
  if (metadataFile === undefined || code === "USAGE") return;
  const { platforms, omitted, diagnoses, environment } = details;
  const content = {
    "image.name": tags.join(","),
    "anyarch.error": { code, message, ...(hint && { hint }) },
    "anyarch.platforms": platforms ?? [],
    "anyarch.omitted": omitted ?? [],
    ...(diagnoses !== undefined && { "anyarch.diagnoses": diagnoses }),
    ...(environment !== undefined && { "anyarch.environment": environment }),
  };
  await write(metadataFile, `${JSON.stringify(content, null, 2)}\n`);
}

function metadata(result: BuildResult): Record<string, unknown> {
  return {
    "containerimage.digest": result.digest,
    "containerimage.descriptor": { mediaType: result.mediaType, digest: result.digest, size: result.size },
    "image.name": result.tags.join(","),
    "anyarch.platforms": result.platforms.map((built) => {
      const { platform, digest, node = "local", placement = "assembled", attempts, layers } = built;
      return {
        platform,
        digest,
        node,
        placement,
        durationMs: built.durationMs ?? result.durationMs,
        ...(attempts && { attempts }),
        layers,
      };
    }),
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
