import { archNames } from "../../dockerfile/arch-names.ts";
import { baseName, downloadsOf, foreignArch, ruleOfUrl } from "../../dockerfile/downloads.ts";
import {
  npmPackageArchs,
  pipX86Packages,
  repositoryArch,
  sourceLine,
} from "../../dockerfile/package-sources.ts";
import { isX86Package } from "../../dockerfile/x86-packages.ts";
import { installedPackages, managerOf } from "../../dockerfile/packages.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule, Remark } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, placesOf, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "arch-specific-package",
  severity: "error",
  title: "A package or its repository is of one architecture",
  why: "The package manager finds no such package on other targets, or refuses the file.",
  fix: "Use the package manager's own variable ($basearch, `rpm --eval '%{_arch}'`, `apk --print-arch`), leave the suffix out, or write a branch for each target.",
  bad: [
    "FROM rockylinux:9\nRUN dnf install -y glibc-devel.i686\n",
    "FROM rockylinux:9\nRUN rpm -ivh https://dl.example.com/agent-1.2.x86_64.rpm\n",
    "FROM fedora:40\nRUN dnf install -y https://dl.example.com/el9/x86_64/tool-1.2-1.x86_64.rpm\n",
    "FROM fedora:40\nRUN dnf config-manager --add-repo https://rpm.example.com/el9/x86_64/ && dnf install -y tool\n",
    "FROM node:20\nRUN npm install --no-save @img/sharp-linux-x64\n",
    "FROM alpine:3.20\nRUN apk add --no-cache syslinux\n",
    "FROM python:3.12\nRUN pip install --no-cache-dir numpy mkl==2024.1.0\n",
  ],
  good: [
    "FROM rockylinux:9\nRUN dnf install -y glibc-devel https://dl.example.com/release.noarch.rpm\n",
    "FROM rockylinux:9\nRUN rpm -ivh https://dl.example.com/agent-1.2.$(uname -m).rpm\n",
    "FROM fedora:40\nRUN printf '[a]\\nbaseurl=https://rpm.example.com/el9/$basearch/\\n' > /etc/yum.repos.d/a.repo\n",
    "FROM node:20\nRUN npm install --no-save @img/sharp-wasm32\n",
  ],
  mentions:
    /\b(?:yum|dnf5?|microdnf|zypper|tdnf|rpm|apk|pacman|npm|yarn|pnpm|bun|pip[\d.]*|baseurl|mirrorlist|metalink|Server)\b|\.rpm|\.apk|reporpms/i,
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
    for (const { url, place, line } of downloadsOf(model)) {
      const { architecture } = place.stage.platform;
      const release = /\/reporpms\/EL-\d+-(x86_64|aarch64)\//.exec(url)?.[1];
      if (release === undefined || !isNative(place.view) || archNames(release)[0]?.arch === architecture)
        continue;
      report({
        line,
        message: `This repository's keys and addresses are ${release}'s.`,
        architectures: [architecture],
      });
    }
    reportSources(model, report);
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
          ...(use.executed.tolerated && { severity: "info" as const }),
          line: lineOfWord(use, new RegExp(written.replaceAll(/[^\w.:-]/g, ".").slice(0, 80))),
          message: `${name} has no package for ${architecture}.`,
          architectures: [architecture],
        });
      }
    }
  },
};

/** Repositories whose address names a machine, and npm packages whose name does. */
function reportSources(model: DockerfileModel, report: (remark: Remark) => void): void {
  for (const use of usesOf(model)) {
    if (!isNative(use.view)) continue;
    const { architecture } = use.stage.platform;
    const repository = repositoryArch(use);
    if (repository !== undefined && repository !== architecture)
      report({
        line: lineOfWord(use, /x86[-_]64|amd64|aarch64|arm64/),
        message: `This repository is ${repository}'s.`,
        architectures: [architecture],
      });
    const [wheel] = architecture === "amd64" ? [] : pipX86Packages(use);
    if (wheel !== undefined)
      report({
        ...(use.executed.tolerated && { severity: "info" as const }),
        line: lineOfWord(use, new RegExp(`^["']?${wheel.replaceAll(/[^\w-]/g, ".").slice(0, 80)}`)),
        message: `${wheel} has wheels for x86-64 only, and no sources: pip finds no distribution for ${architecture}.`,
        architectures: [architecture],
      });
    const packages = npmPackageArchs(use);
    const foreign = packages.find(({ arch }) => arch !== architecture);
    if (foreign !== undefined && packages.every(({ arch }) => arch !== architecture))
      report({
        line: lineOfWord(use, new RegExp(foreign.name.replaceAll(/[^\w-]/g, ".").slice(0, 80))),
        message: `${foreign.name} is for ${foreign.arch}: npm refuses it elsewhere (EBADPLATFORM).`,
        architectures: [architecture],
      });
  }
  for (const { instruction, stage, view } of placesOf(model)) {
    if ((instruction.keyword !== "COPY" && instruction.keyword !== "ADD") || !isNative(view)) continue;
    for (const { body, line } of instruction.heredocs) {
      const found = sourceLine(body);
      if (found === undefined || found.arch === stage.platform.architecture) continue;
      report({
        line: (line ?? instruction.line) + found.before,
        message: `This repository is ${found.arch}'s.`,
        architectures: [stage.platform.architecture],
      });
    }
  }
}

/** The one architecture that has a package, or undefined. */
function onlyFor(manager: string, name: string): string | undefined {
  if (
    /:\/\//.test(name) ||
    /^(?:qemu|mingw|gcc|binutils|cross|edk2|ovmf|seabios|ipxe|u-boot|uboot)/.test(name)
  )
    return undefined;
  if (isX86Package(manager, name)) return "amd64";
  const named = /[.-](x86_64|i[36]86|aarch64|armv7hl|32bit)(?:$|\.rpm$)/.exec(name)?.[1];
  return named === undefined ? undefined : archNames(named)[0]?.arch;
}
