import { existsSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import type { BuildOptions } from "../plan/build-options.ts";
import type { ConfigFile } from "../plan/config-file.ts";
import { dockerfileSources, findDockerfile, remoteContext } from "../plan/dockerfile-sources.ts";
import {
  checkDirectory,
  contextDirectory,
  oneOf,
  parsePlatforms,
  parseTags,
  type RequestEnvironment,
  type RequestedPlatform,
} from "../plan/request-parts.ts";
import type { CiOptions } from "./options.ts";
import type { CiMode, CiPlan, CiRow } from "./plan.ts";
import { givenRunners, rowFor } from "./runners.ts";

const ownRegistry = { github: "ghcr.io", gitlab: "$CI_REGISTRY" } as const;

/**
 * Options over configuration over what is found. `root` is the repository's directory. Throws USAGE, PLATFORM_INVALID,
 * REFERENCE_INVALID, INPUT_UNREADABLE.
 */
export function planCi(
  options: CiOptions & { readonly version: string },
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
  root: string,
): CiPlan {
  const { service } = options;
  const mode = oneOf(options.mode ?? "native", ["native", "matrix", "qemu", "single"], "--mode");
  const sources = sourcesOf(options, config, environment);
  const inRepository = (path: string): string => relativeTo(root, path);
  const tags = tagsOf(options, config);
  const rows = rowsOf(options, config, environment, mode);
  return {
    service,
    mode,
    context: inRepository(sources.context),
    dockerfile: sources.dockerfile === undefined ? undefined : inRepository(sources.dockerfile),
    config: config === undefined ? undefined : inRepository(config.path),
    tags: tags?.map(formatReference),
    registry: tags?.[0]?.registry ?? ownRegistry[service],
    rows,
    ownBuilder: sources.dockerfile !== undefined && (config?.build.builders ?? []).length === 0,
    branches: (options.branches ?? ["main"]).map((name) => matching(name, /^[\w.@/*+-]+$/, "--branch")),
    test: options.test ?? true,
    version: matching(options.version, /^[\w.+^~-]+$/, "--anyarch"),
  };
}

function sourcesOf(
  { context, file }: CiOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): { readonly context: string; readonly dockerfile: string | undefined } {
  const build: BuildOptions = {
    ...(context !== undefined && { context }),
    ...(file !== undefined && { file }),
  };
  const address = remoteContext(context ?? config?.build.context);
  if (address !== undefined) {
    throw new AnyarchError("USAGE", `A workflow builds what its repository holds, not ${address}.`, {
      hint: "Give a directory of the repository.",
    });
  }
  const assembles = file === undefined && config?.build.engine === "assemble";
  if (!assembles && findDockerfile(build, config, environment) !== undefined)
    return dockerfileSources(build, config, environment);
  const directory = contextDirectory(build, config, environment);
  const hint = "Give the directory to build: anyarch ci github DIRECTORY";
  return { context: checkDirectory(directory, "application's directory", hint), dockerfile: undefined };
}

/** Of several tags all must have one registry: a workflow logs in to one. */
function tagsOf(options: CiOptions, config: ConfigFile | undefined): readonly Reference[] | undefined {
  const tags = parseTags({ ...config?.build, ...(options.tags && { tags: options.tags }), push: false });
  const [first] = tags;
  if (first === undefined) return undefined;
  const other = tags.find(({ registry }) => registry !== first.registry);
  const digest = tags.find((tag) => tag.digest !== undefined);
  if (other === undefined && digest === undefined) return tags;
  throw new AnyarchError(
    "USAGE",
    digest === undefined
      ? `The tags are of two registries, ${first.registry} and ${other?.registry}; the workflow logs in to one.`
      : `${formatReference(digest)} names a digest, which nobody knows before the build.`,
    { hint: "Give tags of one registry; anyarch copy brings the image to others." },
  );
}

function rowsOf(
  options: CiOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
  mode: CiMode,
): readonly CiRow[] {
  const runners = givenRunners(options.runners ?? []);
  const choice = { service: options.service, mode, runners };
  if (mode === "qemu" && runners.size > 1)
    throw new AnyarchError("USAGE", "--mode qemu has one job, and so one --runner.");
  const asked = platformsOf(options, config, environment, mode);
  const optional = new Set(listed(options.optional ?? []).map((text) => formatPlatform(parsePlatform(text))));
  const names = asked.map(({ platform }) => formatPlatform(platform));
  for (const [flag, name] of [
    ...[...optional].map((key) => ["--optional", key] as const),
    ...[...runners.keys()].map((key) => ["--runner", key] as const),
  ]) {
    if (names.includes(name)) continue;
    throw new AnyarchError("USAGE", `${flag} names ${name}, which isn't built.`, {
      hint: `Platforms are ${names.join(", ")}; --platform changes them.`,
    });
  }
  const rows = asked.map((one) =>
    rowFor(one.platform, one.optional || optional.has(formatPlatform(one.platform)), choice),
  );
  if (rows.every((row) => row.optional))
    throw new AnyarchError("USAGE", "All platforms are optional, so that nothing would ever fail.", {
      hint: "Leave at least one platform required.",
    });
  return rows;
}

function platformsOf(
  options: CiOptions,
  config: ConfigFile | undefined,
  { arch }: RequestEnvironment,
  mode: CiMode,
): readonly RequestedPlatform[] {
  const byDefault = mode === "single" ? ["linux/amd64"] : ["linux/amd64", "linux/arm64"];
  const configured = config?.build.platforms;
  const asked = parsePlatforms(listed(options.platforms ?? configured ?? byDefault), arch);
  if (asked === "all")
    throw new AnyarchError("USAGE", "A workflow has a job for each platform, so they have to be named.", {
      hint: "--platform linux/amd64,linux/arm64",
    });
  if (mode !== "single" || asked.length === 1) return asked;
  if (options.platforms === undefined) return asked.slice(0, 1);
  throw new AnyarchError("USAGE", "--mode single builds one platform.", {
    hint: "Give one --platform, or leave --mode out.",
  });
}

function listed(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(","));
}

/** "services/api", "." for the root itself. Throws USAGE for what isn't in the repository. */
function relativeTo(root: string, path: string): string {
  const inside = relative(root, path);
  if (inside === ".." || inside.startsWith(`..${sep}`) || resolve(root, inside) !== resolve(path)) {
    throw new AnyarchError(
      "USAGE",
      `${path} isn't in the repository ${root}, which is all that a runner has.`,
      {
        hint: "Call it in the repository, with paths that are in it.",
      },
    );
  }
  const text = oneLine(inside.split(sep).join("/"), "A path");
  if (text === "") return ".";
  return text.startsWith("-") ? `./${text}` : text;
}

function matching(text: string, pattern: RegExp, flag: string): string {
  if (pattern.test(text)) return text;
  throw new AnyarchError("USAGE", `${flag} is ${JSON.stringify(text)}, which has characters it can't have.`);
}

function oneLine(text: string, what: string): string {
  if (!/\p{Cc}/u.test(text)) return text;
  throw new AnyarchError("USAGE", `${what} has a control character: ${JSON.stringify(text)}.`);
}

/** The directory that holds .git, from `directory` up; `directory` itself where none does. */
export function repositoryRoot(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return at;
    if (dirname(at) === at) return directory;
  }
}
