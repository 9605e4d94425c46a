import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "registry-manifest-rejected",
  title: "The registry refuses the manifest (400)",
  architecture: false,
  patterns: [
    { line: /commit on ref "(?:manifest|index)-sha256:.{0,200}400/i, score: 89 },
    {
      line: /(?:PUT|manifests?).{0,240}(?:400 Bad Request|status(?: code)?:? 400|HTTP 400)|400 Bad Request.{0,200}manifest/i,
      score: 88,
    },
    {
      line: /400 Bad Request|status(?: code)?:? 400\b/i,
      near: /push|manifest/i,
      nearNot:
        /npm (?:ERR!|error|http)|\bpip\b|cache (?:to|manifest|export)|exporting .{0,40}cache|buildcache/i,
      score: 82,
    },
    {
      line: /MANIFEST_INVALID|manifest invalid|invalid manifest|failed to validate manifest|TAG_INVALID|NAME_INVALID|invalid tag|manifest verification failed|(?:5\d\d|422) .{0,40}(?:manifests\/)/i,
      score: 82,
    },
  ],
  above: ["generic-user-error", "network-transient"],
  why: "The layers arrived, the manifest was refused: its name or tag isn't allowed, the registry doesn't know something in it (attestations, OCI media types, zstd), or a proxy rewrote the request.",
  fixes: [
    {
      title: "Check repository, tag and login",
      detail:
        "Lower case, no blank or variable that stayed empty; a repository that exists; credentials for just this registry.",
    },
    {
      title: "Push a plainer manifest",
      detail:
        "--provenance=false --sbom=false and --output type=image,…,oci-mediatypes=false,compression=gzip; if that works, the registry is too old for the rest.",
    },
    {
      title: "Pin the BuildKit that worked",
      detail: "docker buildx create --driver-opt image=moby/buildkit:v0.NN.N",
      workaround: true,
    },
  ],
  references: ["https://github.com/docker/buildx/issues/300"],
  bad: [
    '[INFO] DOCKER> #24 ERROR: failed to push registry.example.com/gw:3: failed commit on ref "manifest-sha256:5092": unexpected status: 400 Bad Request',

    "ERROR: failed to push registry.example.com/team/app:1: unexpected status from PUT request to https://registry.example.com/v2/team/app/manifests/1: 400 Bad Request",
  ],
  good: ["npm ERR! 400 Bad Request - GET https://registry.example.com/left-pad"],
};
