import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "manifest-create-from-index",
  title: "docker manifest create was given a tag that is itself an index",
  architecture: true,
  patterns: [
    { line: /\S{1,200} is a manifest list\b/, score: 97 },
    {
      line: /(?:manifest create|manifest add).{0,200}(?:manifest list|image index|is an index)|cannot .{0,40}manifest list .{0,40}from .{0,20}(?:list|index)/i,
      score: 84,
    },
    {
      line: /unsupported manifest format|manifest format "\S{0,60}" is not supported|no such manifest: /i,
      near: /docker manifest (?:create|inspect|annotate)/,
      log: /attestation manifest|provenance|manifest list sha256/,
      score: 84,
      confidence: "likely",
    },
  ],
  above: ["registry-manifest-unknown", "manifest-push-blob-unknown", "generic-user-error"],
  why: "Since buildx 0.10 every push has a provenance attestation beside the image, so even one platform is pushed as an index. docker manifest create takes plain images only.",
  fixes: [
    {
      title: "Use imagetools, which takes indexes",
      detail:
        "docker buildx imagetools create -t REPO:TAG REPO:TAG-amd64 REPO:TAG-arm64\nor anyarch index create REPO:TAG REPO:TAG-amd64 REPO:TAG-arm64. Attestations are kept.",
    },
    {
      title: "Or push the platforms without provenance",
      detail:
        "--provenance=false (or BUILDX_NO_DEFAULT_ATTESTATIONS=1); then docker manifest create works again.",
    },
  ],
  references: [
    "https://github.com/docker/buildx/issues/1509",
    "https://github.com/kubernetes-sigs/aws-ebs-csi-driver/issues/1489",
  ],
  bad: [
    "$ docker manifest create example.com/app:1 example.com/app:1-amd64 example.com/app:1-arm64\nexample.com/app:1-amd64 is a manifest list",
  ],
  good: ["docker: no matching manifest for linux/arm64/v8 in the manifest list entries."],
};
