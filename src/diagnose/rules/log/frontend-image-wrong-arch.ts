import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "frontend-image-wrong-arch",
  title: "The Dockerfile frontend of the # syntax= line is for another CPU than the builder",
  architecture: true,
  emulated: false,
  patterns: [
    {
      line: /exec format error/i,
      near: /(?<!initialize |back to |DEBIAN_)frontend|docker-image:\/\/|gateway\.v0|grpc server closed|syntax ?=/i,
      nearNot: /did not complete successfully/,
      score: 96,
    },
    {
      line: /frontend grpc server closed unexpectedly|failed to solve with frontend gateway/i,
      log: /exec format error|no match for platform/i,
      score: 97,
    },
    {
      line: /no match for platform in manifest/i,
      near: /resolve image config for docker-image:\/\/|resolve image config for docker\.io\/\S*(?:frontend|dockerfile)/i,
      score: 97,
      confidence: "likely",
    },
  ],
  above: ["exec-format-error-no-emulation", "no-match-for-platform-in-manifest"],
  why: "BuildKit reads a Dockerfile with a frontend, itself an image that the builder starts on its own CPU, whatever --platform says. The image named after # syntax= exists for another CPU only.",
  fixes: [
    {
      title: "Name a frontend that exists for all platforms",
      detail: "# syntax=docker/dockerfile:1, or leave the line out: BuildKit has one built in.",
    },
    {
      title: "Or publish this frontend for the builder's CPU",
      detail: "Build it with --platform linux/amd64,linux/arm64 and push one index.",
    },
  ],
  references: ["https://github.com/devthefuture-org/dockerfile-x/issues/4"],
  bad: [
    "#2 resolve image config for docker-image://registry.example.com/tools/frontend:3\n#2 DONE 0.4s\n#3 docker-image://registry.example.com/tools/frontend:3\n#3 0.112 exec /bin/frontend: exec format error\nERROR: failed to solve: frontend grpc server closed unexpectedly",
  ],
  good: [
    "#3 resolve image config for docker-image://docker.io/docker/dockerfile:1\n#3 DONE 0.5s\n#4 [linux/amd64 1/2] RUN apt-get install -y curl\n#4 3.1 debconf: unable to initialize frontend: Dialog\nexec /app/run: exec format error",

    '#6 [linux/arm64 2/4] RUN apk add curl\n#6 0.211 exec /bin/sh: exec format error\n#6 ERROR: process "/bin/sh -c apk add curl" did not complete successfully: exit code: 1',
  ],
};
