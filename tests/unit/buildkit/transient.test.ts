import { describe, expect, it } from "vitest";
import { backoffMs, transientReason } from "../../../src/buildkit/transient.ts";

const passing = [
  'failed to do request: Head "https://registry.test/v2/app/manifests/1": read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer',
  "failed to resolve source metadata for registry.test/app:1: unexpected status from HEAD request to https://registry.test/v2/app/manifests/1: 503 Service Unavailable",
  "failed to push registry.test/app: unexpected status from POST request to https://registry.test/v2/app/blobs/uploads/: 502 Bad Gateway",
  "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry.test/v2/app/blobs/sha256:00: 500 Internal Server Error",
  "unexpected status from HEAD request to https://registry.test/v2/app/manifests/1: 429 Too Many Requests",
  'failed to do request: Head "https://registry.test/v2/": net/http: TLS handshake timeout',
  'failed to do request: Get "https://registry.test/v2/": EOF',
  "dial tcp: lookup registry.test: Temporary failure in name resolution",
  "dial tcp: lookup registry.test on 10.0.0.1:53: server misbehaving",
  "failed to copy: unexpected EOF",
  "dial tcp 10.0.0.2:443: i/o timeout",
];

const lasting = [
  'process "/bin/sh -c curl https://x" did not complete successfully: exit code: 56: connection reset by peer',
  "unexpected status from HEAD request to https://registry.test/v2/app/manifests/1: 401 Unauthorized",
  "unexpected status from HEAD request to https://registry.test/v2/app/manifests/1: 403 Forbidden",
  "registry.test/app:1: not found",
  "failed to authorize: failed to fetch anonymous token: insufficient_scope: authorization failed",
  "write /var/lib/buildkit/x: no space left on device: connection reset by peer",
  "tls: failed to verify certificate: x509: certificate signed by unknown authority",
  "dockerfile parse error on line 2: unknown instruction: RAN (did you mean RUN?)",
  "no match for platform in manifest: not found",
  "exporter option push-by-digest isn't known",
];

describe("transientReason", () => {
  it.each(passing)("tries again after: %s", (text) => {
    expect(transientReason(text)).toBeDefined();
  });

  it.each(lasting)("doesn't after: %s", (text) => {
    expect(transientReason(text)).toBeUndefined();
  });

  it("says what it was", () => {
    expect(transientReason(passing[1] ?? "")).toBe("the registry answered 503");
  });
});

it("waits 1, 2, 4 s, a quarter less or more", () => {
  expect([0, 1, 2, 3, 9].map((attempt) => backoffMs(attempt, 0.5))).toEqual([1000, 2000, 4000, 8000, 8000]);
  expect([backoffMs(1, 0), backoffMs(1, 1)]).toEqual([1500, 2500]);
});
