import type { DockerfileRequest } from "../../src/plan/dockerfile-request.ts";
import { parsePlatform } from "../../src/oci/platform.ts";

/** A Dockerfile's build that asks for nothing but these platforms ("?" behind one makes it optional). */
export function plainRequest(
  context: string,
  platforms: readonly string[],
  changes: Partial<DockerfileRequest> = {},
): DockerfileRequest {
  return {
    context,
    dockerfile: `${context}/Dockerfile`,
    platforms: platforms.map((text) => ({
      platform: parsePlatform(text.replace("?", "")),
      optional: text.endsWith("?"),
    })),
    tags: [],
    buildArgs: {},
    platformBuildArgs: {},
    namedContexts: {},
    secrets: [],
    ssh: [],
    labels: {},
    annotations: {},
    cacheFrom: [],
    cacheTo: [],
    noCache: false,
    pull: false,
    builders: [],
    emulation: true,
    fallback: "none",
    outputs: [],
    push: false,
    load: false,
    temporaryTags: false,
    verify: "app",
    jobs: 2,
    retries: 2,
    crashSilenceMs: 30_000,
    ...changes,
  };
}
