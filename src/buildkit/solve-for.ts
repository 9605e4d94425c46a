import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import type { DockerfileRequest, RequestedPlatform } from "../plan/dockerfile-request.ts";
import { cacheSources, cacheTargets } from "./cache-references.ts";
import type { Delivery, Solve } from "./solve.ts";

/** What is to be solved for one platform: its own build arguments over those for all, and caches of its own. Pure. */
export function solveFor(
  request: DockerfileRequest,
  { platform }: RequestedPlatform,
  delivery: Delivery,
  metadataFile: string,
): Solve {
  const name = formatPlatform(platform);
  const { target, network, provenance, sbom, sourceDateEpoch } = request;
  return {
    platform,
    context: request.context,
    dockerfile: request.dockerfile,
    namedContexts: request.namedContexts,
    ...(target !== undefined && { target }),
    buildArgs: { ...request.buildArgs, ...request.platformBuildArgs[name] },
    labels: { ...request.labels, ...request.platformLabels?.[name] },
    annotations: manifestAnnotations(request.annotations, name),
    secrets: request.secrets,
    ssh: request.ssh,
    cacheFrom: cacheSources(request.cacheFrom, request.cacheTo, platform),
    cacheTo: delivery.kind === "none" ? [] : cacheTargets(request.cacheTo, platform),
    noCache: request.noCache,
    pull: request.pull,
    ...(network !== undefined && { network }),
    ...(provenance !== undefined && { provenance }),
    ...(sbom !== undefined && { sbom }),
    ...(sourceDateEpoch !== undefined && { sourceDateEpoch }),
    delivery,
    metadataFile,
  };
}

/** As docker buildx has it: "index:KEY", "manifest:KEY", "manifest[linux/arm64]:KEY"; without a prefix it is for both. */
const annotationPrefix = /^(?:(index|manifest)(?:\[([^\]]+)\])?:)?(.*)$/s;

/** Annotations of a platform's manifest: all but "index:KEY", and "manifest[PLATFORM]:KEY" of that platform only. */
function manifestAnnotations(
  annotations: Readonly<Record<string, string>>,
  platform: string,
): Record<string, string> {
  return pick(annotations, (level, only) => {
    if (level === "index") return false;
    return only === undefined || formatPlatform(parsePlatform(only)) === platform;
  });
}

/** Annotations of the index: all but "manifest:KEY". */
export function indexAnnotations(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return pick(annotations, (level) => level !== "manifest");
}

function pick(
  annotations: Readonly<Record<string, string>>,
  wanted: (level: string | undefined, platform: string | undefined) => boolean,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).flatMap(([key, value]) => {
      const [, level, platform, name = key] = annotationPrefix.exec(key) ?? [];
      return wanted(level, platform) ? [[name, value]] : [];
    }),
  );
}
