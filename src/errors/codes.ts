/**
 * The one table of error codes. A code never changes its meaning once released; scripts rely on it and on
 * the exit code beside it. `hint` is what to do next when the place that throws has nothing better to say.
 *
 * Exit codes (documented in docs/reference/exit-codes.md): 1 the build failed or what was examined is wrong,
 * 2 usage, configuration or unreadable input, 3 partial, 4 registry or network, 130 cancelled.
 */
export interface ErrorCodeInfo {
  readonly title: string;
  readonly exit: 1 | 2 | 3 | 4 | 130;
  readonly hint?: string;
}

const table = {
  // Usage, configuration, input.
  USAGE: { title: "The command line is wrong", exit: 2, hint: "Run the command with --help." },
  PLATFORM_INVALID: {
    title: "A platform is malformed",
    exit: 2,
    hint: "Write platforms as os/arch[/variant]: linux/amd64, linux/arm64, linux/arm/v7.",
  },
  REFERENCE_INVALID: {
    title: "An image reference is malformed",
    exit: 2,
    hint: "Write references as [host[:port]/]name[:tag][@digest], the name in lower case.",
  },
  LOCATION_INVALID: { title: "An image location is malformed", exit: 2 },
  CONFIG_INVALID: { title: "The configuration is wrong", exit: 2 },
  CONFIG_UNKNOWN_KEY: { title: "The configuration has an unknown key", exit: 2 },
  INPUT_UNREADABLE: { title: "An input can't be read", exit: 2 },
  INPUT_INVALID: { title: "An input is malformed", exit: 2 },
  APP_UNKNOWN: { title: "The kind of application isn't known", exit: 2 },
  APP_FILE_CONFLICT: { title: "Two application files conflict", exit: 2 },
  APP_FILE_CHANGED: {
    title: "A file changed while it was read",
    exit: 1,
    hint: "Stop what writes to the directory during the build, then build again.",
  },
  ENTRYPOINT_MISSING: { title: "The application has no entry point", exit: 2 },

  // Base images.
  BASE_NOT_FOUND: { title: "The base image doesn't exist", exit: 4 },
  BASE_PLATFORM_MISSING: { title: "The base image lacks a platform", exit: 1 },
  BASE_MISMATCH: { title: "The base image's index and config disagree", exit: 1 },
  BASE_UNSUITABLE: { title: "The base image doesn't fit the application", exit: 1 },

  // OCI content and archives.
  CONTENT_INVALID: { title: "OCI content is malformed", exit: 1 },
  DIGEST_MISMATCH: { title: "Content doesn't match its digest", exit: 1 },
  ARCHIVE_INVALID: { title: "An archive is corrupt", exit: 1 },
  ARCHIVE_UNSAFE: { title: "An archive would write outside of its root", exit: 1 },
  IMAGE_NOT_FOUND: { title: "The image doesn't exist", exit: 4 },
  PLATFORM_MISSING: { title: "The image lacks a platform", exit: 1 },
  VERIFY_FAILED: { title: "The image doesn't hold what its label says", exit: 1 },
  STORE_UNSUPPORTED: { title: "The store can't hold this", exit: 2 },

  // Dependencies.
  LOCK_INVALID: { title: "A lock file is malformed", exit: 2 },
  LOCK_OUTDATED: { title: "The lock file disagrees with the project", exit: 2 },
  RESOLVER_MISSING: { title: "No resolver is installed", exit: 2 },
  RESOLVE_FAILED: { title: "The dependencies can't be resolved", exit: 1 },
  DEPENDENCY_UNAVAILABLE: { title: "A dependency has no build for a platform", exit: 1 },
  DEPENDENCY_NOT_FOUND: { title: "A dependency isn't in the package index", exit: 1 },
  HASH_MISMATCH: {
    title: "A download doesn't match its hash",
    exit: 1,
    hint: "The file was changed since it was locked, or damaged on the way. Nothing was installed from it.",
  },
  WHEEL_INVALID: { title: "A wheel is malformed", exit: 1 },
  DEBIAN_SOURCE_MISSING: { title: "No Debian mirror is configured", exit: 2 },
  DEBIAN_SIGNATURE: { title: "A Debian archive's signature is wrong", exit: 1 },
  DEBIAN_PACKAGE_MISSING: { title: "A Debian package doesn't exist", exit: 1 },
  DEBIAN_UNSATISFIABLE: { title: "Debian packages can't be installed together", exit: 1 },

  // Registry and network.
  REGISTRY_UNAUTHORIZED: {
    title: "The registry refuses the credentials",
    exit: 4,
    hint: "Log in with `docker login HOST`, or give --username and --password-stdin.",
  },
  REGISTRY_DENIED: { title: "The registry denies access", exit: 4 },
  REGISTRY_ERROR: { title: "The registry answers with an error", exit: 4 },
  REGISTRY_TLS: {
    title: "The registry's certificate isn't trusted",
    exit: 4,
    hint: "Name its certificate authority with SSL_CERT_FILE or NODE_EXTRA_CA_CERTS, or put it in /etc/docker/certs.d/HOST/ca.crt.",
  },
  NETWORK_ERROR: { title: "The network request failed", exit: 4 },

  // The host.
  DISK_FULL: {
    title: "No space is left on the disk",
    exit: 1,
    hint: "Free some space; `anyarch cache prune` empties the cache.",
  },
  COMMAND_FAILED: { title: "A command failed", exit: 1 },
  COMMAND_MISSING: { title: "A command isn't installed", exit: 1 },
  PARTIAL: { title: "Some platforms were left out, as allowed", exit: 3 },
  CANCELLED: { title: "Cancelled", exit: 130 },
  INTERNAL: {
    title: "anyarch has a defect",
    exit: 1,
    hint: "Please report this with the output of the same command and --verbose.",
  },
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof table;

export const errorCodes: Readonly<Record<ErrorCode, ErrorCodeInfo>> = table;
