import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "registry-manifest-list-unsupported",
  title: "The registry takes images, but no manifest lists or OCI indexes",
  architecture: true,
  patterns: [
    // containerd names what it pushes: an index here.
    {
      line: /commit on ref "index-sha256:.{0,200}(?:400|415|404|405|unsupported|invalid)/i,
      score: 91,
      confidence: "likely",
    },
    {
      line: /(?:manifest\.list|image[. ]index|manifest list|OCI index|fat manifest|multi-arch)\S{0,40}.{0,80}(?:unsupported|not supported|not allowed|invalid|unknown media|unacceptable|disabled)/i,
      nearNot: /docker exporter|docker driver/,
      score: 93,
    },
    {
      line: /(?:unsupported|not supported|invalid|unknown|unrecognized|disallowed).{0,60}(?:manifest\.list|image\.index|manifest list|oci index|manifest media type|media ?type)/i,
      nearNot: /docker exporter|docker driver|multi-platform/,
      score: 90,
    },
    {
      line: /415 Unsupported Media Type|UNSUPPORTED(?:: |_MANIFEST|_MEDIA)|MANIFEST_INVALID|manifest invalid/,
      log: /pushing manifest (?:list|for)|manifest list sha256|image\.index|manifest push|imagetools create/,
      near: /index|list|415|media|UNSUPPORTED/i,
      score: 84,
      confidence: "likely",
    },
    {
      line: /changing manifest media-type .{0,160}manifest\.list.{0,40}disallowed|accept header does not support OCI indexes/,
      score: 93,
    },
    {
      line: /(?:schemaVersion|schema version|manifest schema) .{0,60}(?:unsupported|not supported|list)/i,
      score: 80,
      confidence: "likely",
    },
  ],
  above: ["registry-manifest-rejected", "manifest-push-blob-unknown"],
  why: "An image for several platforms is an index (manifest list). This registry, its version or the kind of repository can't store one.",
  fixes: [
    {
      title: "Upgrade or change the registry",
      detail:
        "Docker distribution 2.3 and later, Harbor 2, Nexus 3.20, Artifactory with Docker v2 and OCI: all take manifest lists; some OCI indexes only in newer releases.",
    },
    {
      title: "Try the other media types",
      detail:
        "--output type=image,name=REPO:TAG,push=true,oci-mediatypes=false --provenance=false: Docker's manifest list instead of an OCI index.",
    },
    {
      title: "Or push single-platform images under tags of their own",
      detail: "REPO:TAG-amd64 and REPO:TAG-arm64.",
      workaround: true,
    },
  ],
  references: ["https://github.com/distribution/distribution/issues/3863"],
  bad: [
    "ERROR: failed to push registry.example.com/app:1: unexpected status from PUT request: 415 Unsupported Media Type: media type application/vnd.oci.image.index.v1+json is not supported",
  ],
  good: ["ERROR: docker exporter does not currently support exporting manifest lists"],
};
