import { readFile } from "node:fs/promises";
import { AnyarchError, systemCode } from "../errors/error.ts";
import type { Descriptor } from "../oci/content.ts";
import { isDigest } from "../oci/digest.ts";
import type { SolvePlace } from "./solve-error.ts";

type Metadata = Readonly<Record<string, unknown>>;

/**
 * Reads the file that buildx and buildctl write with `--metadata-file`; absent where nothing was exported. Throws
 * BUILD_FAILED where it isn't a JSON object.
 */
export async function readSolveMetadata(
  path: string,
  { platform, node }: SolvePlace,
): Promise<{ readonly metadata: Metadata; readonly descriptor: Descriptor | undefined }> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return { metadata: {}, descriptor: undefined };
    throw error;
  }
  const metadata = parse(text);
  if (metadata === undefined) {
    throw new AnyarchError("BUILD_FAILED", `The metadata that ${node} wrote for ${platform} isn't JSON.`, {
      hint: "Use a newer docker buildx (0.15) or buildctl (0.13).",
      details: { platform, node },
    });
  }
  return { metadata, descriptor: descriptorIn(metadata) };
}

function parse(text: string): Metadata | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Metadata) : undefined;
  } catch {
    return undefined;
  }
}

function descriptorIn(metadata: Metadata): Descriptor | undefined {
  const value = metadata["containerimage.descriptor"];
  if (typeof value !== "object" || value === null) return undefined;
  const { mediaType, digest, size } = value as Record<string, unknown>;
  if (typeof mediaType !== "string" || typeof digest !== "string" || !isDigest(digest)) return undefined;
  return typeof size === "number" ? { mediaType, digest, size } : undefined;
}
