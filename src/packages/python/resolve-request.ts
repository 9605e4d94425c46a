import { pathToFileURL } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import type { IndexOptions, RequirementLine } from "./requirements-file.ts";
import type { LooseRequirements } from "./requirements.ts";

/** What is to be resolved, and where: the resolver is the user's, with the user's configuration. */
export interface ResolveRequest {
  readonly loose: LooseRequirements;
  readonly index: IndexOptions | undefined;
  /** Absolute; the resolver runs here and so finds the project's configuration. */
  readonly projectDir: string;
}

/** A line in pip's format that means the same from any directory. */
export function requirementText(line: RequirementLine): string {
  const marker = line.marker === undefined ? "" : ` ; ${line.marker}`;
  const extras = line.requirement?.extras ?? line.pathExtras;
  const name = `${line.requirement?.name ?? ""}${extras.length > 0 ? `[${extras.join(",")}]` : ""}`;
  const location = line.path === undefined ? line.url : pathToFileURL(line.path).href;
  if (location !== undefined)
    return line.requirement === undefined ? `${location}${marker}` : `${name} @ ${location}${marker}`;
  const versions = (line.requirement?.specifiers ?? []).map(
    ({ operator, text, prefix }) => `${operator}${text}${prefix ? ".*" : ""}`,
  );
  return `${name}${versions.join(",")}${marker}`;
}

/** The options that a requirement file gave, for a file written in its place. */
export function indexLines(index: IndexOptions | undefined): readonly string[] {
  if (index === undefined) return [];
  return [
    ...(index.indexUrl === undefined ? [] : [`--index-url ${index.indexUrl}`]),
    ...index.extraIndexUrls.map((url) => `--extra-index-url ${url}`),
    ...index.findLinks.map((location) => `--find-links ${location}`),
    ...index.trustedHosts.map((host) => `--trusted-host ${host}`),
    ...(index.noIndex ? ["--no-index"] : []),
  ];
}

/** RESOLVE_FAILED with the resolver's own words. */
export function resolveFailed(resolver: string, stderr: string): AnyarchError {
  const lines = stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*(?:WARNING|\[notice\])/.test(line));
  const said = lines.slice(-20).join("\n");
  const offline = /(?:connection|network|resolve host|dns|timed? ?out|certificate)/i.test(said);
  return new AnyarchError("RESOLVE_FAILED", `${resolver} can't resolve the dependencies:\n${said}`, {
    hint: offline
      ? "Check the network and the index in the resolver's configuration."
      : "Loosen the requirements that exclude each other, or lock them where they can be resolved.",
  });
}
