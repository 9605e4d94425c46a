import { nativeNode, registerEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "qemu-dpkg-path-lookup",
  title: "An old emulator lost the path of a program (dpkg-split, dpkg-deb)",
  architecture: true,
  emulated: true,
  patterns: [
    { line: /Error while loading \/(?:usr\/)?(?:local\/)?(?:s?bin)\/\S{1,60}: No such file/i, score: 97 },
    {
      line: /dpkg-deb --(?:control|fsys-tarfile) subprocess returned error exit status 1/,
      near: /Error while loading/,
      score: 97,
    },
    { line: /Error while loading \S{1,80}: (?:No such file|Exec format|Permission)/i, score: 90 },
  ],
  above: [
    "package-arch-mismatch",
    "generic-user-error",
    "buildkit-bundled-emulator-chroot",
    "package-missing-for-arch",
  ],
  why: 'dpkg starts dpkg-split and dpkg-deb by name alone. An old QEMU (or BuildKit\'s bundled one of that time) searches the wrong directory of PATH and reports "Error while loading /usr/sbin/dpkg-split", although the program is in /usr/bin.',
  fixes: [
    {
      ...registerEmulator,
      title: "Register a current QEMU on the host",
      detail: `docker run --privileged --rm tonistiigi/binfmt --uninstall 'qemu-*'\n${registerEmulator.detail}\nOr update the builder: docker buildx create --driver-opt image=moby/buildkit:latest.`,
    },
    nativeNode,
    {
      title: "Links in /usr/sbin",
      detail:
        "RUN ln -s /usr/bin/dpkg-split /usr/sbin/dpkg-split && ln -s /usr/bin/dpkg-deb /usr/sbin/dpkg-deb && ln -s /bin/tar /usr/sbin/tar and rm",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/docker/buildx/issues/499",
    "https://github.com/docker-library/python/issues/760",
  ],
  bad: [
    "#7 19.8 Error while loading /usr/sbin/dpkg-split: No such file or directory\n#7 19.8 Error while loading /usr/sbin/dpkg-deb: No such file or directory\n#7 19.8 dpkg: error processing archive /tmp/apt/00-libssl_arm64.deb (--unpack):\n#7 19.8  dpkg-deb --control subprocess returned error exit status 1",
  ],
  good: [
    "tool: error while loading shared libraries: libfoo.so.1: cannot open shared object file: No such file or directory",
  ],
};
