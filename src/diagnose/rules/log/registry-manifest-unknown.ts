import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "registry-manifest-unknown",
  title: "The tag (or digest) that is asked for isn't in the registry",
  architecture: false,
  patterns: [
    {
      line: /manifest unknown|no such manifest|MANIFEST_UNKNOWN|NAME_UNKNOWN|name unknown: |NOT_FOUND.{0,60}manifest|manifest (?:for )?\S{1,200} not found|manifest tagged by|tag .{0,80}not found/i,
      score: 80,
    },
    { line: /content at \S{1,300}\/manifests\/\S{1,90} not found/, score: 80 },
    {
      line: /(?:failed to resolve source metadata for|failed to copy|pull(?:ing)?|resolve|load metadata).{0,200}: not found$|\S{1,100}:[\w.-]{1,60}: not found$|(?:reference|image) .{0,120}(?:not found|does not exist) in/i,
      nearNot:
        /no match for platform|failed to (?:compute|calculate) (?:cache key|checksum)|\/bin\/sh|gcc|sh: /,
      score: 76,
    },
  ],
  above: ["generic-user-error", "network-transient"],
  why: "The registry answered that it has no such tag in this repository: a typing error, a tag that was deleted, or the job that should have pushed it (often the one for the other CPU) didn't.",
  fixes: [
    {
      title: "See what is there",
      detail:
        "anyarch inspect REPO:TAG, docker buildx imagetools inspect REPO:TAG, or the registry's page of tags.",
    },
    {
      title: "Build and push that tag first",
      detail:
        "Look at the job that should have pushed REPO:TAG-arm64: it failed, was skipped, or pushes another name. Make the merging job need it.",
    },
  ],
  references: ["https://github.com/docker/build-push-action/issues/851"],
  bad: [
    "name unknown: The repository with name 'app' does not exist in the registry with id '123456789012'",

    "Error response from daemon: manifest for example.com/app:1-arm64 not found: manifest unknown: manifest unknown",
    "no such manifest: example.com/app:1-arm64",
  ],
  good: ["ERROR: failed to solve: docker.io/example/tool:2.1: no match for platform in manifest: not found"],
};
