import { readFileSync } from "node:fs";
import { AnyarchError } from "../index.ts";

/**
 * The variables of files as `docker run --env-file` reads them: KEY=VALUE on a line, taken as it is, without quotes or
 * escapes; a bare KEY takes the value that it has here, if any; lines that begin with # are comments. A later file
 * counts before an earlier one. Throws INPUT_UNREADABLE and USAGE.
 */
function readEnvFiles(paths: readonly string[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...paths.map(readEnvFile)) as Record<string, string>;
}

/** What --env-file and --env give together: --env counts before. Undefined where neither was given. */
export function givenEnvironment(
  flags: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> | undefined {
  const { env, envFile } = flags;
  if (env === undefined && envFile === undefined) return undefined;
  return {
    ...readEnvFiles((envFile ?? []) as readonly string[]),
    ...((env ?? {}) as Readonly<Record<string, string>>),
  };
}

function readEnvFile(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new AnyarchError("INPUT_UNREADABLE", `The file ${path} of --env-file can't be read.`, {
      cause: error,
    });
  }
  const found: Record<string, string> = {};
  for (const [index, whole] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = whole.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    const key = equals < 0 ? line.trimEnd() : line.slice(0, equals);
    if (key === "" || /\s/.test(key)) {
      throw new AnyarchError(
        "USAGE",
        `Line ${index + 1} of ${path} isn't KEY=VALUE: ${JSON.stringify(line)}.`,
      );
    }
    const value = equals < 0 ? process.env[key] : line.slice(equals + 1);
    if (value !== undefined) found[key] = value;
  }
  return found;
}
