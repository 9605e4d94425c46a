import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const thirtyTwo =
  /linux\/arm\/v[567]|linux\/386|\b(?:armhf|armv[67]l?|arm32v[567]|armel|linux\/arm\b(?!64)|i386)/;

export const rule: LogRule = {
  code: "ca-certs-rehash-under-qemu-32bit",
  title: "Certificate links weren't made under 32-bit emulation, so TLS isn't trusted",
  architecture: true,
  emulated: true,
  patterns: [
    {
      line: /SSL certificate problem: unable to get local issuer certificate|curl: \((?:60|77)\)|server certificate verification failed|unable to get local issuer certificate|certificate verify failed|SSL routines:\S{0,60}certificate verify failed|tls_process_server_certificate|unable to locally verify the issuer's authority/i,
      log: thirtyTwo,
      score: 88,
    },
    {
      line: /(?:rehash|c_rehash|update-ca-certificates).{0,120}(?:Value too large|Function not implemented|skipping|warning)/i,
      log: thirtyTwo,
      score: 84,
    },
  ],
  above: ["tls-certificate-unknown", "network-transient", "generic-user-error"],
  why: "update-ca-certificates makes a link for each certificate with openssl rehash. In a 32-bit program under a 64-bit kernel reading a directory fails (inode numbers don't fit), QEMU reports it as the end of the directory, and no links are made. curl and git then know no authority. The server's certificate is all right.",
  fixes: [
    {
      title: "Make the links again, or name the bundle",
      detail:
        "RUN update-ca-certificates --fresh\nor ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt CURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt (git: GIT_SSL_CAINFO), or SSL_CERT_DIR.",
    },
    {
      title: "Download in a stage on the build platform",
      detail: "FROM --platform=$BUILDPLATFORM alpine AS fetch … and COPY --from=fetch.",
    },
    nativeNode,
    {
      title: "Don't switch verification off",
      detail: "curl -k and http.sslVerify=false hide it and let anybody replace what is downloaded.",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/moby/qemu/issues/9",
    "https://github.com/debuerreotype/docker-debian-artifacts/issues/219",
  ],
  bad: [
    "#6 [linux/arm/v7 3/5] RUN curl -fsSLO https://example.com/x.tar.gz\n#6 1.2 curl: (60) SSL certificate problem: unable to get local issuer certificate",
  ],
  good: [
    "#6 [linux/amd64 3/5] RUN curl -fsSLO https://example.com/x.tar.gz\n#6 1.2 curl: (60) SSL certificate problem: unable to get local issuer certificate",
  ],
};
