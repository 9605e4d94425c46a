import { archNames } from "../../dockerfile/arch-names.ts";
import { baseName, downloadsOf, foreignArch, ruleOfUrl } from "../../dockerfile/downloads.ts";
import { installedPackages, managerOf } from "../../dockerfile/packages.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, usesOf } from "../../dockerfile/uses.ts";

/** What Alpine has for x86 only. */
const alpineX86 =
  /^(?:intel-(?:ucode|media-driver|gmmlib)|amd-ucode|syslinux|grub-bios|libva-intel-driver|xf86-video-intel|linux-pam-x86|memtest86\+?)$/;

export const rule: DockerfileRule = {
  id: "arch-specific-package",
  severity: "error",
  title: "An rpm or apk package is named for one architecture",
  why: "The package manager finds no such package on other targets, or refuses the file.",
  fix: "Use the package manager's own variable ($basearch, `rpm --eval '%{_arch}'`, `apk --print-arch`), leave the suffix out, or write a branch for each target.",
  bad: [
    "FROM rockylinux:9\nRUN dnf install -y glibc-devel.i686\n",
    "FROM rockylinux:9\nRUN rpm -ivh https://dl.example.com/agent-1.2.x86_64.rpm\n",
    "FROM fedora:40\nRUN dnf install -y https://dl.example.com/el9/x86_64/tool-1.2-1.x86_64.rpm\n",
  ],
  good: [
    "FROM rockylinux:9\nRUN dnf install -y glibc-devel https://dl.example.com/release.noarch.rpm\n",
    "FROM rockylinux:9\nRUN rpm -ivh https://dl.example.com/agent-1.2.$(uname -m).rpm\n",
  ],
  check(model, report) {
    const fetched = new Set(
      downloadsOf(model).flatMap(({ url, outputs }) => [url, ...outputs].map(baseName)),
    );
    for (const download of downloadsOf(model)) {
      const { place, url, line } = download;
      if (!isNative(place.view) || ruleOfUrl(url) !== "arch-specific-package") continue;
      const name = foreignArch(download);
      if (name === undefined) continue;
      report({ line, message: `This package is for ${name.text} on every target.` });
    }
    for (const use of usesOf(model)) {
      const manager = managerOf(use);
      if (!isNative(use.view) || manager === undefined || manager === "apt") continue;
      const { architecture } = use.stage.platform;
      for (const { name, written } of installedPackages(use)) {
        // What was fetched before is found there.
        if (fetched.has(baseName(name))) continue;
        const only = onlyFor(manager, name);
        if (only === undefined || only === architecture) continue;
        report({
          line: lineOfWord(use, new RegExp(written.replaceAll(/[^\w.:-]/g, ".").slice(0, 80))),
          message: `${name} has no package for ${architecture}.`,
          architectures: [architecture],
        });
      }
    }
  },
};

/** The one architecture that has a package, or undefined. */
function onlyFor(manager: string, name: string): string | undefined {
  if (/:\/\//.test(name) || /^(?:qemu|mingw|gcc|binutils|cross)/.test(name)) return undefined;
  if (manager === "apk" && alpineX86.test(name)) return "amd64";
  const named = /[.-](x86_64|i[36]86|aarch64|armv7hl|32bit)(?:$|\.rpm$)/.exec(name)?.[1];
  return named === undefined ? undefined : archNames(named)[0]?.arch;
}
