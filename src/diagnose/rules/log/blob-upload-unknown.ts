import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "blob-upload-unknown",
  title: "The registry (or a proxy before it) lost the upload of a layer",
  architecture: false,
  patterns: [
    {
      line: /blob upload (?:unknown|invalid)|BLOB_UPLOAD_(?:UNKNOWN|INVALID)|BLOB_UNKNOWN|unknown blob|blob unknown|range header|416 Requested Range/i,
      nearNot: /manifest blob unknown|failed to put manifest|docker manifest push/,
      score: 86,
    },
    {
      line: /(?:PUT|PATCH|POST).{0,200}(?:blobs\/uploads|_upload|upload).{0,200}(?:404|416|409|413)|failed to (?:do request|upload|copy).{0,120}(?:PUT|PATCH|POST|HEAD).{0,200}(?:404 Not Found|413)/i,
      score: 86,
    },
    {
      line: /(?:from|unexpected status.{0,30}) (?:PUT|PATCH|HEAD) request.{0,240}404/i,
      nearNot: /\/manifests\//,
      score: 86,
    },
    { line: /413 (?:Request Entity|Payload) Too Large|client intended to send too large body/i, score: 84 },
  ],
  above: ["network-transient", "generic-user-error", "registry-manifest-unknown"],
  why: "A layer is uploaded in several requests that belong together. Several registry instances without common storage or secret, a proxy that cuts big bodies or changes host or scheme, or a garbage collection in between make the registry forget the session.",
  fixes: [
    {
      title: "Repair the registry or its proxy",
      detail:
        "The same http secret and storage for all instances, sticky sessions; nginx: client_max_body_size 0, proxy_request_buffering off, X-Forwarded-Proto passed on; no clean-up while pushing.",
    },
    {
      title: "Push with docker push, or one platform after the other",
      detail: "It uploads in another way, with fewer requests at once.",
      workaround: true,
    },
  ],
  references: [],
  bad: [
    "ERROR: failed to push registry.example.com/app:1: unexpected status from PUT request to https://registry.example.com/v2/app/blobs/uploads/1f2e?digest=sha256%3Aab: 404 Not Found",
    "blob upload unknown: blob upload unknown to registry",
  ],
  good: [
    "failed to put manifest example.com/app:1: errors:\nmanifest blob unknown: blob unknown to registry",
  ],
};
