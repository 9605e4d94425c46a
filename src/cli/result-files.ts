import { writeFile } from "node:fs/promises";
import { AnyarchError, type BuildResult } from "../index.ts";

/** --metadata-file with buildx's keys and ours, and --iidfile. Throws INPUT_UNREADABLE where they can't be written. */
export async function writeResultFiles(
  result: BuildResult,
  files: { readonly metadataFile?: string; readonly iidfile?: string },
): Promise<void> {
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
    throw new AnyarchError("INPUT_UNREADABLE", `${path} can't be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
