import type { Fix } from "../diagnosis.ts";

/** Advice that many rules share. */

export const nativeNode: Fix = {
  title: "Build this platform on a machine of its own CPU",
  detail:
    "Nothing is emulated there: anyarch build --platform linux/amd64,linux/arm64 --builder linux/arm64=ssh://user@arm-host …\nWith buildx: docker buildx create --append --name NAME --platform linux/arm64 ssh://user@arm-host\nOn GitHub: a job of its own with runs-on: ubuntu-24.04-arm.",
};

export const buildPlatformStage: Fix = {
  title: "Run the building stage on the build platform and cross-compile",
  detail:
    "FROM --platform=$BUILDPLATFORM <image> AS build\nARG TARGETOS TARGETARCH\n… then let the compiler make files for $TARGETOS/$TARGETARCH and copy only these into the final stage. `anyarch explain --file Dockerfile` writes the patch where it can.",
};

export const pinnedEmulator: Fix = {
  title: "Register another QEMU version",
  detail:
    "docker run --privileged --rm tonistiigi/binfmt --uninstall qemu-aarch64\ndocker run --privileged --rm tonistiigi/binfmt:qemu-v10.0.4 --install arm64\nThe newest version first; an older one where the newest fails. This moves the fault rather than removing it: versions differ in what they break.",
  workaround: true,
};

export const registerEmulator: Fix = {
  title: "Register QEMU on the machine that builds",
  detail:
    "docker run --privileged --rm tonistiigi/binfmt --install all\nOn GitHub: docker/setup-qemu-action before docker/setup-buildx-action. Registrations are lost when the machine restarts. `anyarch doctor --fix` does and checks it.",
};

export const leaveOutPlatform: Fix = {
  title: "Leave this platform out for now",
  detail: "--platform with the platforms that work; add the other when there is a native machine for it.",
  workaround: true,
};
