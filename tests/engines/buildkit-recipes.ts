import type { Recipe } from "./recipe.ts";

const bookworm = "bookworm";
const buildkit = "github.com/moby/buildkit";
const buildkitVersion = `${buildkit}/version.Version=v0.26.3`;
const kerberos = [
  "libgssapi-krb5-2",
  "libkrb5-3",
  "libk5crypto3",
  "libkrb5support0",
  "libcom-err2",
  "libkeyutils1",
];
const sshLibraries = [
  "libwrap0",
  "libnsl2",
  "libtirpc3",
  "libssl3",
  "libedit2",
  "libbsd0",
  "libmd0",
  ...kerberos,
];

/** What Dockerfiles are built with: BuildKit, its clients and the ways to it. */
export const buildkitRecipes = {
  /** BuildKit for this machine, and a daemon for arm64 that runs under QEMU: a node of that architecture. */
  buildkit: {
    ways: [
      {
        sources: [
          {
            go: [`${buildkit}/cmd/buildkitd@v0.26.3`, `${buildkit}/cmd/buildctl@v0.26.3`],
            define: buildkitVersion,
          },
          { go: `${buildkit}/cmd/buildkitd@v0.26.3`, goarch: "arm64", define: buildkitVersion },
          { suite: bookworm, debs: ["runc", "libseccomp2"] },
        ],
        programs: {
          buildkitd: "bin/buildkitd",
          buildctl: "bin/buildctl",
          "buildkitd-arm64": "bin/arm64/buildkitd",
          runc: "usr/sbin/runc",
        },
      },
    ],
    check: ["buildctl", "--version"],
  },
  /** The docker command's plugin, which works by itself too. */
  buildx: {
    ways: [
      {
        sources: [{ suite: "sid", debs: ["docker-buildx"] }],
        programs: {
          buildx: "usr/libexec/docker/cli-plugins/docker-buildx",
          "docker-buildx": "usr/libexec/docker/cli-plugins/docker-buildx",
        },
      },
      {
        sources: [{ go: "github.com/docker/buildx/cmd/buildx@v0.29.1" }],
        programs: { buildx: "bin/buildx", "docker-buildx": "bin/buildx" },
      },
    ],
    check: ["buildx", "version"],
  },
  sshd: {
    ways: [
      {
        sources: [{ suite: bookworm, debs: ["openssh-server", "openssh-client", ...sshLibraries] }],
        programs: { sshd: "usr/sbin/sshd", ssh: "usr/bin/ssh", "ssh-keygen": "usr/bin/ssh-keygen" },
      },
    ],
    check: ["ssh", "-V"],
    root: true,
  },
  /**
   * Runs the arm64 buildkitd: QEMU 7.2 now and then hangs where a program of several threads starts another one. For
   * what runs in containers 7.2 is the faster. unpigz of this machine's architecture unpacks layers three times as fast
   * as what buildkitd, emulated, has built in.
   */
  "qemu-daemon": {
    ways: [
      {
        sources: [
          { suite: "trixie", debs: ["qemu-user"], only: ["./usr/bin/qemu-aarch64"] },
          { suite: bookworm, debs: ["pigz", "zlib1g"] },
        ],
        programs: { "qemu-aarch64": "usr/bin/qemu-aarch64", unpigz: "usr/bin/unpigz" },
      },
    ],
    check: ["qemu-aarch64", "--version"],
  },
} as const satisfies Readonly<Record<string, Recipe>>;
