import { normalizePlatform, type Platform } from "../oci/platform.ts";

/** What `buildx inspect` says of a builder and its first node. */
export interface Inspection {
  readonly driver: string;
  readonly endpoint?: string;
  /** "running", "inactive", "error", … */
  readonly status?: string;
  /** "v0.26.3" */
  readonly version?: string;
  /** Those that the daemon reports. */
  readonly platforms: readonly Platform[];
  /** Those that the builder was labelled with (`--platform`), whatever the daemon says. */
  readonly claimed: readonly Platform[];
  readonly error?: string;
}

/** Reads the text of `buildx inspect`, of which there is no other form; keys changed in 0.13 and 0.18. */
export function readInspection(text: string): Inspection {
  const nodesAt = text.search(/^Nodes:\s*$/m);
  const [head, node] = nodesAt < 0 ? [text, text] : [text.slice(0, nodesAt), text.slice(nodesAt)];
  const field = (part: string, name: RegExp): string | undefined =>
    new RegExp(`^${name.source}:[ \\t]*(.*)$`, "im").exec(part)?.[1]?.trim() || undefined;
  const [endpoint, status] = [field(node, /Endpoint/), field(node, /Status/)];
  const version = field(node, /Build[Kk]it(?: version)?/);
  const error = field(node, /Error/) ?? field(head, /Error/);
  const listed = (field(node, /Platforms/) ?? "").split(",").map((entry) => entry.trim());
  return {
    driver: field(head, /Driver/) ?? "",
    ...(endpoint !== undefined && { endpoint }),
    ...(status !== undefined && { status }),
    ...(version !== undefined && { version }),
    ...(error !== undefined && { error }),
    platforms: readPlatforms(listed.filter((entry) => !entry.endsWith("*"))),
    claimed: readPlatforms(listed.filter((entry) => entry.endsWith("*")).map((entry) => entry.slice(0, -1))),
  };
}

/** Platforms as daemons print them; what isn't one is left out. */
export function readPlatforms(texts: readonly string[]): readonly Platform[] {
  return texts.flatMap((text) => {
    const [os, architecture, variant, ...rest] = text.trim().split("/");
    if (!os || !architecture || rest.length > 0) return [];
    return [normalizePlatform({ os, architecture, ...(variant && { variant }) })];
  });
}
