import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "tls-certificate-unknown",
  title: "The certificate's authority isn't trusted here",
  architecture: false,
  patterns: [
    {
      line: /x509: (?:certificate signed by unknown authority|certificate (?:is not|has|relies|is valid)|cannot validate|failed to|negative)|certificate signed by unknown authority|tls: (?:failed to verify|bad certificate|unknown certificate)/i,
      score: 92,
    },
    {
      line: /self[- ]signed certificate|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|DEPTH_ZERO_SELF_SIGNED|unable to get local issuer certificate|CERTIFICATE_VERIFY_FAILED|server certificate verification failed|curl: \(60\)|PKIX path building failed|certificate verify failed|SSL certificate problem|server certificate not trusted|invalid peer certificate|SEC_ERROR_UNKNOWN_ISSUER|unable to verify the first certificate|remote certificate is invalid|UntrustedRoot|certificate is NOT trusted|cannot verify \S{1,80} certificate, issued by|unknown certificate authority/i,
      score: 82,
    },
    {
      line: /http: server gave HTTP response to HTTPS client|tls: first record does not look like a TLS handshake/i,
      score: 78,
    },
  ],
  above: [
    "registry-auth",
    "network-transient",
    "push-denied",
    "generic-user-error",
    "python-no-distribution-for-arch",
    "node-gyp-toolchain-missing",
  ],
  why: "The registry (or a proxy that inspects HTTPS) shows a certificate of a private authority. BuildKit in a container has its own list of authorities and doesn't see the host's.",
  fixes: [
    {
      title: "Give BuildKit the authority",
      detail:
        '[registry."registry.example.com"]\n  ca = ["/etc/certs/ca.pem"]\nin buildkitd.toml, and docker buildx create --config buildkitd.toml. The host\'s docker: /etc/docker/certs.d/HOST/ca.crt.',
    },
    {
      title: "For downloads inside RUN",
      detail:
        "COPY ca.crt /usr/local/share/ca-certificates/ && update-ca-certificates; NODE_EXTRA_CA_CERTS, PIP_CERT, SSL_CERT_FILE.",
    },
    {
      title: "Or exempt the registry from inspection",
      detail:
        "In the proxy or firewall. http = true and insecure = true in buildkitd.toml only for a registry without TLS in a trusted network.",
    },
  ],
  references: [],
  bad: [
    "#6 1.1 WARNING: fetching https://mirror.example.com/alpine/v3.20/main: TLS: server certificate not trusted\n#6 1.2 ERROR: unable to select packages:\n#6 1.2   git (no such package):",
    'ERROR: failed to push registry.example.com/app:1: failed to do request: Head "https://registry.example.com/v2/app/blobs/sha256:ab": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ],
  good: ["ERROR: failed to solve: unexpected status: 401 Unauthorized"],
};
