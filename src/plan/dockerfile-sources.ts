import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { BuildOptions } from "./build-options.ts";
import type { ConfigFile } from "./config-file.ts";
import { checkDirectory, contextDirectory, type RequestEnvironment } from "./request-parts.ts";

/** Names that a Dockerfile has where nobody says its name, best first. */
const dockerfileNames = ["Dockerfile", "Containerfile"] as const;

/** The context and the Dockerfile, which need not be in it. Throws INPUT_UNREADABLE, USAGE. */
export function dockerfileSources(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): { readonly context: string; readonly dockerfile: string } {
  const address = remoteContext(options.context ?? config?.build.context);
  const context = address ?? contextDirectory(options, config, environment);
  if (address === undefined)
    checkDirectory(
      context,
      "context",
      "Give the directory that the Dockerfile's COPY reads: anyarch build DIRECTORY",
    );
  const dockerfile = findDockerfile(options, config, environment);
  if (dockerfile !== undefined) return { context, dockerfile };
  throw new AnyarchError(
    "USAGE",
    address === undefined
      ? `There is no Dockerfile in ${context}.`
      : `Which Dockerfile is to be built with the context ${address}?`,
    { hint: "Name a file on this machine: --file PATH/Dockerfile" },
  );
}

/** "https://…", "git@host:path", "ssh://…"; undefined for a path. */
export function remoteContext(context: string | undefined): string | undefined {
  return context !== undefined && /^(?:[a-z][a-z0-9+.-]*:\/\/|git@[^/]+:)/.test(context)
    ? context
    : undefined;
}

/**
 * The Dockerfile that is named, else the one in the context; undefined where there is none. A relative name is of the
 * working directory (or the configuration's), and where nothing is there, of the context. Throws INPUT_UNREADABLE
 * where a file was named that doesn't exist.
 */
export function findDockerfile(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): string | undefined {
  const remote = remoteContext(options.context ?? config?.build.context) !== undefined;
  const context = remote ? undefined : contextDirectory(options, config, environment);
  const inContext = (name: string): string[] => (context === undefined ? [] : [resolve(context, name)]);
  const named = options.file ?? config?.build.file;
  if (named === undefined) return dockerfileNames.flatMap(inContext).find(isFile);
  const origin = options.file === undefined ? (config?.directory ?? environment.cwd) : environment.cwd;
  const places = [...new Set([resolve(origin, named), ...inContext(named)])];
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return statSync(found).isDirectory() ? inDirectory(found) : found;
  throw new AnyarchError("INPUT_UNREADABLE", `The Dockerfile ${places.join(" or ")} doesn't exist.`, {
    hint: "Give its path with --file; the context is the argument: anyarch build --file PATH/Dockerfile DIRECTORY",
  });
}

function inDirectory(directory: string): string {
  const found = dockerfileNames.map((name) => join(directory, name)).find(isFile);
  if (found !== undefined) return found;
  throw new AnyarchError("INPUT_UNREADABLE", `${directory} is a directory without a Dockerfile.`, {
    hint: "Name the Dockerfile itself with --file; the context is the argument.",
  });
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
