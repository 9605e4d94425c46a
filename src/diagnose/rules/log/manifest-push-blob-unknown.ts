import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "manifest-push-blob-unknown",
  title: "The pushed list names children that the repository doesn't hold",
  architecture: true,
  patterns: [
    {
      line: /manifest blob unknown|failed to put manifest .{0,200}(?:blob unknown|manifest unknown)|MANIFEST_BLOB_UNKNOWN/i,
      score: 94,
    },
    {
      line: /blob unknown to registry|manifest unknown|manifest .{0,40}references .{0,40}(?:unknown|missing|not found)/i,
      near: /docker manifest push|manifest-tool|manifest list|imagetools create|manifest push/i,
      nearNot: /no such manifest/,
      score: 88,
    },
    // buildx joins what several nodes pushed.
    {
      line: /content at \S{1,300}\/manifests\/sha256:\S{1,80} not found/,
      near: /merging manifest list/,
      score: 90,
    },
    { line: /manifest list\/index references to blobs and\/or manifests (?:that )?are missing/, score: 96 },
    {
      line: /MANIFEST_(?:BLOB_)?UNKNOWN|not found|does not exist/i,
      near: /failed to (?:push|put) manifest|pushing manifest list/i,
      score: 84,
    },
  ],
  above: [
    "blob-upload-unknown",
    "registry-manifest-unknown",
    "registry-manifest-rejected",
    "network-transient",
  ],
  why: "An index names its images by digest, and the registry refuses one whose images it doesn't have in the same repository. Docker keeps such lists in ~/.docker/manifests: an old one still names earlier digests; or a tool rewrote the manifests on the way (another compression, media types), which changes digests.",
  fixes: [
    {
      title: "Remove the local list and make it anew",
      detail: "docker manifest rm REPO:TAG; push the images; then docker manifest create and push --purge.",
    },
    {
      title: "Or let the registry do it",
      detail:
        "docker buildx imagetools create -t REPO:TAG REPO:TAG-amd64 REPO:TAG-arm64, or anyarch index create: they read what is really there. Images of another repository have to be copied first.",
    },
  ],
  references: ["https://github.com/emqxarchive/emqx-docker/pull/91"],
  bad: [
    "#30 merging manifest list registry.example.com/acme/app:v1\n#30 ERROR: httpReadSeeker: failed open: content at https://registry.example.com/v2/acme/app/manifests/sha256:1ecf not found: not found",

    "$ docker manifest push example.com/app:1\nfailed to put manifest example.com/app:1: errors:\nmanifest blob unknown: blob unknown to registry",
  ],
  good: [
    "Error response from daemon: manifest for example.com/app:2 not found: manifest unknown: manifest unknown",
  ],
};
