import type { BuildRequest } from "../plan/build-request.ts";
import type { Base, PlatformBase } from "./base.ts";

/** image-spec annotations.md: which base a manifest was made from, where the base is an image. */
export function baseAnnotations(base: Base, platformBase: PlatformBase): Record<string, string> {
  if (platformBase.digest === undefined) return {};
  return {
    "org.opencontainers.image.base.name": platformBase.location ?? base.location,
    "org.opencontainers.image.base.digest": platformBase.digest,
  };
}

/**
 * Source, revision and time of what is built, as far as the request and the CI system's own variables say. A
 * checkout is not asked: two builds of the same files would differ by what surrounds them.
 */
export function sourceAnnotations(
  request: BuildRequest,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const revision = env["GITHUB_SHA"] ?? env["CI_COMMIT_SHA"];
  const source =
    env["GITHUB_SERVER_URL"] && env["GITHUB_REPOSITORY"]
      ? `${env["GITHUB_SERVER_URL"]}/${env["GITHUB_REPOSITORY"]}`
      : env["CI_PROJECT_URL"];
  return {
    ...(request.mtime > 0 && { "org.opencontainers.image.created": request.created }),
    ...(revision && { "org.opencontainers.image.revision": revision }),
    ...(source && { "org.opencontainers.image.source": source }),
  };
}
