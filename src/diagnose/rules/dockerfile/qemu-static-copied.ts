import { downloadsOf } from "../../dockerfile/downloads.ts";
import { installedPackages } from "../../dockerfile/packages.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { lineOfWord, usesOf } from "../../dockerfile/uses.ts";

/** Tools that make a system's files for other machines. */
const workshop =
  /^(?:q?debootstrap|mmdebstrap|multistrap|binfmt-support|live-build|debos|vmdb2|fai-\S+|sbuild|pbuilder|schroot|arch-install-scripts|mkosi|buildah|podman|docker\S*|moby-engine|diskimage-builder|kpartx|rpi-imager|crossbuild-essential-\S+|gcc-[\w-]+-linux-(?:gnu|musl)\w*)$/;

export const rule: DockerfileRule = {
  id: "qemu-static-copied",
  severity: "warning",
  title: "A QEMU emulator is put into the image",
  why: "binfmt with the fix-binary flag on the builder opens the emulator itself: nothing is needed in the image, where the file stays and ages.",
  fix: "Drop it; register QEMU on the builder with the F flag, or use a native builder.",
  bad: [
    "FROM arm32v7/debian:12\nCOPY qemu-arm-static /usr/bin/\n",
    "FROM debian:12\nCOPY --from=multiarch/qemu-user-static /usr/bin/qemu-aarch64-static /usr/bin/\n",
  ],
  good: ["FROM debian:12\nRUN apt-get update && apt-get install -y qemu-system-arm\n"],
  mentions: /qemu/,
  check(model, report) {
    const message = "An emulator in the image is needed by nobody.";
    for (const stage of model.dockerfile.stages) {
      for (const { keyword, text, line } of stage.instructions) {
        if ((keyword === "COPY" || keyword === "ADD") && /\bqemu-[\w*]+-static/.test(text))
          report({ line, message });
      }
    }
    for (const { url, line } of downloadsOf(model))
      if (/qemu-[\w]+-static/.test(url)) report({ line, message });
    // Where systems of other machines are made, the emulators are tools.
    const workshops = new Set(
      usesOf(model)
        .filter((use) => installedPackages(use).some(({ name }) => workshop.test(name)))
        .map(({ facts }) => facts.index),
    );
    for (const use of usesOf(model)) {
      if (workshops.has(use.facts.index)) continue;
      if (installedPackages(use).some(({ name }) => name === "qemu-user-static"))
        report({ line: lineOfWord(use, /qemu-user-static/), message });
    }
  },
};
