import type { ErrorCodeInfo } from "./error-code-info.ts";

/** The part of the table of error codes that is about Dockerfiles and the BuildKits that build them. */
export const builderCodes = {
  DOCKERFILE_INVALID: {
    title: "A Dockerfile is malformed",
    exit: 2,
    hint: "Correct the line that is named.",
  },
  BUILDER_INVALID: {
    title: "A builder's endpoint is malformed",
    exit: 2,
    hint: "Write [PLATFORM=]ENDPOINT, where the endpoint is ssh://USER@HOST, tcp://HOST:PORT, unix:///PATH, docker-container://NAME, kube-pod://NAME, context://NAME or the name of a buildx builder.",
  },
  BUILDER_TOOL_MISSING: {
    title: "No client for BuildKit is installed",
    exit: 2,
    hint: "Install docker with the buildx plugin (0.15 or newer), or buildctl (0.13 or newer).",
  },
  BUILDER_UNREACHABLE: {
    title: "A builder can't be reached",
    exit: 4,
    hint: "Check that the machine is up and that BuildKit or Docker runs there, or name another with --builder.",
  },
  BUILDER_UNTRUSTED: {
    title: "A builder's identity isn't trusted",
    exit: 4,
    hint: "Compare the host key or certificate with what the machine's owner says before trusting it.",
  },
  BUILDER_UNAUTHORIZED: {
    title: "A builder refuses the login",
    exit: 4,
    hint: "Check the user, the key or the client certificate.",
  },
  BUILDER_LACKS_PLATFORM: {
    title: "No builder can build a platform",
    exit: 1,
    hint: "Add a builder that has it (--builder PLATFORM=ssh://HOST), or register QEMU on one.",
  },
  BUILDER_LOST: {
    title: "A builder was lost while it built",
    exit: 1,
    hint: "Look at BuildKit's log and the memory of that machine, or name a second builder for the platform, which stands in: --builder PLATFORM=FIRST --builder PLATFORM=SECOND",
  },
  BUILD_FAILED: {
    title: "The build of a platform failed",
    exit: 1,
    hint: "Correct what the log says, then build again: what succeeded is cached.",
  },
  BUILD_STALLED: {
    title: "A build gave no sign of life and was ended",
    exit: 1,
    hint: "Use a native builder for the platform, or allow more silence with --silence-limit.",
  },
  BUILD_TIMEOUT: {
    title: "A build took longer than allowed",
    exit: 1,
    hint: "Allow more with --timeout, or use a faster builder.",
  },
} as const satisfies Record<string, ErrorCodeInfo>;
