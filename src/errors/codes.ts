import { builderCodes } from "./builder-codes.ts";
import type { ErrorCodeInfo } from "./error-code-info.ts";
import { trialCodes } from "./trial-codes.ts";

export type { ErrorCodeInfo } from "./error-code-info.ts";

/**
 * The one table of error codes. A code never changes its meaning once released; scripts rely on it and on
 * the exit code beside it. `hint` is what to do next when the place that throws has nothing better to say;
 * only who cancels knows that already.
 *
 * Exit codes (documented in docs/reference/exit-codes.md): 1 the build failed or what was examined is wrong,
 * 2 usage, configuration or unreadable input, 3 partial, 4 registry or network, 126 and 127 a
 * command in an image that can't be run or isn't there, 130 cancelled.
 */
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
  LOCATION_INVALID: {
    title: "An image location is malformed",
    exit: 2,
    hint: "Write oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE or a registry reference.",
  },
  CONFIG_INVALID: {
    title: "The configuration is wrong",
    exit: 2,
    hint: "Correct this place in the file that is named.",
  },
  CONFIG_UNKNOWN_KEY: {
    title: "The configuration has an unknown key",
    exit: 2,
    hint: "Correct the key, or remove it.",
  },
  INPUT_UNREADABLE: {
    title: "An input can't be read",
    exit: 2,
    hint: "Check the path, and that you may read it.",
  },
  INPUT_INVALID: {
    title: "An input is malformed",
    exit: 2,
    hint: "Correct the file that is named.",
  },
  APP_UNKNOWN: {
    title: "The kind of application isn't known",
    exit: 2,
    hint: "Give the directory that holds the application's project file.",
  },
  APP_FILE_CONFLICT: {
    title: "Two application files conflict",
    exit: 2,
    hint: "Rename one of the two, or leave one out with .dockerignore.",
  },
  APP_FILE_CHANGED: {
    title: "A file changed while it was read",
    exit: 1,
    hint: "Stop what writes to the directory during the build, then build again.",
  },
  ENTRYPOINT_MISSING: {
    title: "The application has no entry point",
    exit: 2,
    hint: "Give the command with --entrypoint.",
  },

  // Base images.
  BASE_NOT_FOUND: {
    title: "The base image doesn't exist",
    exit: 4,
    hint: "Check the base image's name and tag, and that you may read it.",
  },
  BASE_PLATFORM_MISSING: {
    title: "The base image lacks a platform",
    exit: 1,
    hint: "Choose a base that has the platform, or platforms that the base has.",
  },
  BASE_MISMATCH: {
    title: "The base image's index and config disagree",
    exit: 1,
    hint: "Use another tag or digest of the base, and tell who maintains it.",
  },
  BASE_UNSUITABLE: {
    title: "The base image doesn't fit the application",
    exit: 1,
    hint: "Choose another base with --base-image.",
  },

  // OCI content and archives.
  CONTENT_INVALID: {
    title: "OCI content is malformed",
    exit: 1,
    hint: "Have the image built or copied again: what is there can't be used.",
  },
  DIGEST_MISMATCH: {
    title: "Content doesn't match its digest",
    exit: 1,
    hint: "The content was damaged on the way or on the disk: fetch it again, and report it where it stays so.",
  },
  ARCHIVE_INVALID: {
    title: "An archive is corrupt",
    exit: 1,
    hint: "Get the file again; where it stays so, have it made again.",
  },
  ARCHIVE_UNSAFE: {
    title: "An archive would write outside of its root",
    exit: 1,
    hint: "Nothing of it was used. No honest tool writes such a file: report it to who publishes it, and use another release.",
  },
  IMAGE_NOT_FOUND: {
    title: "The image doesn't exist",
    exit: 4,
    hint: "Check the name, the tag and the digest, and that you may read it.",
  },
  PLATFORM_MISSING: {
    title: "The image lacks a platform",
    exit: 1,
    hint: "Choose one of the platforms that there are.",
  },
  VERIFY_FAILED: {
    title: "The image doesn't hold what its label says",
    exit: 1,
    hint: "Leave the files that are named out, or build them for the platform.",
  },
  STORE_UNSUPPORTED: {
    title: "The store can't hold this",
    exit: 2,
    hint: "Write to another kind of place: oci:DIR and registries hold everything.",
  },

  // Dependencies.
  LOCK_INVALID: {
    title: "A lock file is malformed",
    exit: 2,
    hint: "Lock the dependencies again with the tool that wrote the file.",
  },
  LOCK_OUTDATED: {
    title: "The lock file disagrees with the project",
    exit: 2,
    hint: "Lock the dependencies again, then build again.",
  },
  RESOLVER_MISSING: {
    title: "No resolver is installed",
    exit: 2,
    hint: "Install uv or pip, or lock the dependencies where one is.",
  },
  RESOLVE_FAILED: {
    title: "The dependencies can't be resolved",
    exit: 1,
    hint: "Correct the requirements as the resolver says.",
  },
  DEPENDENCY_UNAVAILABLE: {
    title: "A dependency has no build for a platform",
    exit: 1,
    hint: "Use a version that has a build for the platform, or leave the platform out.",
  },
  DEPENDENCY_NOT_FOUND: {
    title: "A dependency isn't in the package index",
    exit: 1,
    hint: "Check the name, the version and the index that is asked.",
  },
  HASH_MISMATCH: {
    title: "A download doesn't match its hash",
    exit: 1,
    hint: "The file was changed since it was locked, or damaged on the way. Nothing was installed from it.",
  },
  WHEEL_INVALID: {
    title: "A wheel is malformed",
    exit: 1,
    hint: "Lock another release of the package, and report it to the package's maintainers.",
  },
  DEBIAN_SOURCE_MISSING: {
    title: "No Debian mirror is configured",
    exit: 2,
    hint: "Name a mirror in anyarch.toml ([base.debian] suite, mirror, keyring), or another base with --base-image.",
  },
  DEBIAN_SIGNATURE: {
    title: "A Debian archive's signature is wrong",
    exit: 1,
    hint: "Check the mirror and the keyring; nothing of the archive was used.",
  },
  DEBIAN_PACKAGE_MISSING: {
    title: "A Debian package doesn't exist",
    exit: 1,
    hint: "Check the package's name and the suite.",
  },
  DEBIAN_UNSATISFIABLE: {
    title: "Debian packages can't be installed together",
    exit: 1,
    hint: "Ask for fewer packages, or another suite.",
  },

  ...builderCodes,
  ...trialCodes,

  // Registry and network.
  REGISTRY_UNAUTHORIZED: {
    title: "The registry refuses the credentials",
    exit: 4,
    hint: "Log in with `docker login HOST`, or give --username and --password-stdin.",
  },
  REGISTRY_DENIED: {
    title: "The registry denies access",
    exit: 4,
    hint: "Check that the account may do this in the repository, and that the repository exists.",
  },
  REGISTRY_ERROR: {
    title: "The registry answers with an error",
    exit: 4,
    hint: "Try again; where it stays so, ask who runs the registry.",
  },
  REGISTRY_TLS: {
    title: "The registry's certificate isn't trusted",
    exit: 4,
    hint: "Name its certificate authority with SSL_CERT_FILE or NODE_EXTRA_CA_CERTS, or put it in /etc/docker/certs.d/HOST/ca.crt.",
  },
  NETWORK_ERROR: {
    title: "The network request failed",
    exit: 4,
    hint: "Check the host name, the network and the proxy settings (HTTPS_PROXY, NO_PROXY), then try again.",
  },

  // The host.
  OUTPUT_UNWRITABLE: {
    title: "A place can't be written to",
    exit: 2,
    hint: "Make it writable, or name another place: ANYARCH_CACHE_DIR for the cache, TMPDIR for temporary files, --output for the image.",
  },
  DISK_FULL: {
    title: "No space is left on the disk",
    exit: 1,
    hint: "Free some space, or name another place: ANYARCH_CACHE_DIR for the cache, TMPDIR for temporary files, --output for the image.",
  },
  COMMAND_FAILED: {
    title: "A command failed",
    exit: 1,
    hint: "Run the command by itself to see what it says.",
  },
  COMMAND_MISSING: {
    title: "A command isn't installed",
    exit: 1,
    hint: "Install the command, or add its directory to PATH.",
  },
  PARTIAL: {
    title: "Some platforms were left out, as allowed",
    exit: 3,
    hint: "The platforms that were left out are named with the reason.",
  },
  CANCELLED: { title: "Cancelled", exit: 130 },
  INTERNAL: {
    title: "anyarch has a defect",
    exit: 1,
    hint: "Please report this with the output of the same command and --verbose.",
  },
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof table;

export const errorCodes: Readonly<Record<ErrorCode, ErrorCodeInfo>> = table;
