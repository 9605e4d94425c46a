import type { Dockerfile } from "../dockerfile/dockerfile.ts";
import { parseDockerfile } from "../dockerfile/parse.ts";
import { AnyarchError } from "../errors/error.ts";
import { readTextFile } from "../host/text-file.ts";

export interface ReadDockerfile {
  readonly text: string;
  readonly dockerfile: Dockerfile;
}

/** Throws INPUT_UNREADABLE, and DOCKERFILE_INVALID that names file and line. */
export function readDockerfile(path: string): ReadDockerfile {
  const text = readTextFile(path);
  try {
    return { text, dockerfile: parseDockerfile(text) };
  } catch (error) {
    if (!(error instanceof AnyarchError) || error.code !== "DOCKERFILE_INVALID") throw error;
    const message = `${path}: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
    throw new AnyarchError(error.code, message, { cause: error, details: { ...error.details, path } });
  }
}
