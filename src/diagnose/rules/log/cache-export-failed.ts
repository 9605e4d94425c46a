import type { LogLine } from "../../log/log-line.ts";
import type { LogRule } from "../../log/log-rule.ts";
import type { LogView } from "../../log/log-view.ts";

/** Warnings of actions/cache, and a cache that couldn't be read: neither ends a build. */
const harmless =
  /^(?:Warning: |WARN|Failed to (?:save|restore): )|Unable to reserve cache with key|cache importer/i;

/** An instruction that failed does so before anything is exported. */
function isOfExport(log: LogView, { text }: LogLine): boolean {
  return log.failed?.command === undefined && !harmless.test(text);
}

export const rule: LogRule = {
  code: "cache-export-failed",
  title: "Only the upload of the build cache failed; the image itself was built",
  architecture: false,
  patterns: [
    {
      line: /(?:exporting|export|writing|saving|upload\w*|commit\w*|reserve) (?:to )?(?:\S{0,30} )?cache.{0,200}(?:fail|error|unexpected|denied|timeout|status)|error writing (?:layer blob|manifest blob).{0,200}|failed to (?:export|reserve|save|upload|commit|finalize|configure).{0,40}cache|error (?:exporting|writing|committing) cache|Our services aren't available right now|actions results|cache service .{0,60}(?:shut down|unavailable|deprecated)|GitHub Actions Cache|This legacy service is shutting down/i,
      check: isOfExport,
      score: 86,
    },
    {
      line: /^error: .{0,300}/i,
      near: /^(?: ?> )?(?:exporting cache|preparing build cache for export|exporting to \S{1,40}(?: Actions)? cache)/i,
      nearNot: /did not complete successfully|no space left/,
      check: isOfExport,
      score: 80,
    },
    {
      line: /maximum timeout reached|unexpected status (?:code )?from (?:GET|PUT|POST|HEAD|PATCH) .{0,200}(?:cache|buildcache)|failed to solve: .{0,60}cache(?! key)\b.{0,100}(?:\b[45]0\d\b|timeout|denied)/i,
      near: /cache/i,
      check: isOfExport,
      score: 80,
    },
  ],
  above: [
    "registry-auth",
    "push-denied",
    "network-transient",
    "registry-manifest-rejected",
    "blob-upload-unknown",
    "registry-rate-limit",
    "buildkit-node-lost",
  ],
  why: "After the build BuildKit uploads the cache (type=gha, registry, s3). The cache's server was busy, refused it, or the token isn't allowed to. Neither the CPU nor the Dockerfile has a part in it.",
  fixes: [
    { title: "Run the build again", detail: "The service mostly recovers by itself." },
    { title: "Don't let the cache fail the build", detail: "--cache-to type=gha,mode=max,ignore-error=true" },
    {
      title: "Or leave --cache-to away",
      detail:
        "Or write another kind: type=registry,ref=REGISTRY/app:cache; mode=min uploads less. type=gha needs a current BuildKit, since GitHub replaced the service.",
    },
  ],
  references: [
    "https://github.com/moby/buildkit/issues/2492",
    "https://github.com/moby/buildkit/issues/2578",
  ],
  bad: [
    "#20 exporting to GitHub Actions Cache\n#20 ERROR: error writing layer blob: failed to reserve cache: unexpected status 429",
    "ERROR: failed to build: failed to solve: This legacy service is shutting down, effective April 15, 2025.",

    "#30 exporting to GitHub Actions Cache\n#30 preparing build cache for export 2.1s done\n#30 ERROR: error writing layer blob: failed to reserve cache: 503 Service Unavailable\n------\n > exporting to GitHub Actions Cache:\n------\nERROR: failed to solve: error writing layer blob: failed to reserve cache: 503 Service Unavailable",
  ],
  good: [
    'ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref a::946c5ea: "/entry.sh": not found',
    "ERROR: Cache export is not supported for the docker driver.",
  ],
};
