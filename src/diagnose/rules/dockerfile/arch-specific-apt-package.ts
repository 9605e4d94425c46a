import { archNames } from "../../dockerfile/arch-names.ts";
import { debianX86Packages } from "../../dockerfile/debian-x86-packages.ts";
import { installedPackages, managerOf } from "../../dockerfile/packages.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule, Remark } from "../../dockerfile/rule.ts";
import { pcArchiveIn } from "../../dockerfile/ubuntu-archives.ts";
import { isNative, lineOfWord, placesOf, type Use, usesOf } from "../../dockerfile/uses.ts";

/** Vendors' packages whose apt feeds have amd64 only, and families of packages for the PC. */
const vendors =
  /^(?:msodbcsql(?:13|17)?|mssql-(?:server|tools)|intel-(?:oneapi|basekit|hpckit|mkl|media|opencl|level-zero|gpu)\S*|rocm\S*|amdgpu\S*|hip-(?:dev|runtime-amd)|teamviewer|skypeforlinux|slack-desktop|zoom|teams|spotify-client|anydesk|microsoft-edge-(?:stable|beta|dev)|opera-stable|steam(?:-launcher|cmd)?|dropbox|nomachine|ia32-libs|wine(?:32|hq-\w+)|lib32\S+|libx32\S+|(?:gcc|g\+\+|gfortran|gobjc)(?:-[\d.]+)?-multilib\S*|libc6(?:-dev)?-(?:i386|x32)|syslinux\S*|isolinux|memtest86\S*|virtualbox\S*|vmware-\S+|oracle-instantclient\S*|cuda-compat-\S+|libmkl\S*|sgx-\S+|libsgx-\S+|expressvpn|protonvpn|displaylink\S*|plexmediaserver:amd64|brother-\S+|icaclient|google-earth-\S+|vivaldi-(?:stable|snapshot)|onlyoffice-desktopeditors-x64|enpass|bitwig-studio|insync|viber|winehq-\S+|wine(?:64)?-(?:stable|staging|devel)(?:-(?:amd64|i386))?)$/;
/** Names that hold an architecture and are there for all: cross compilers, emulators, documentation. */
const forAll =
  /^(?:qemu|binutils|gcc|g\+\+|cpp|gfortran|crossbuild-essential|libc6|libc6-dev|libstdc\+\+|linux-libc-dev|libgcc|mingw|gdb|pkg-config|crosstool|libatomic|libgomp|libasan)\S*-(?:cross|mingw\S*)|^(?:gcc|g\+\+|cpp|binutils|gfortran|gnat|gobjc)(?:-[\d.]+)?-(?:x86-64|aarch64|arm|i686|powerpc64le|s390x|riscv64|mips\w*)-linux|^qemu|^crossbuild-essential|^(?:gcc|g\+\+)?-?mingw|^libarm|^gcc-arm-none|^libnewlib-arm|^binutils-arm|^ovmf|^fonts-|^python3?-|^libx86|^libdecor|^u-boot|^vgabios|^seabios|-all$/;

export const rule: DockerfileRule = {
  id: "arch-specific-apt-package",
  severity: "error",
  title: "A Debian or Ubuntu package exists for one architecture only",
  why: "apt can't locate the package on other targets, and the RUN fails.",
  fix: "Choose the package by `dpkg --print-architecture`, install it only in a branch for its architecture, or use the vendor's archive for arm; where there is no package, compile the program from source in a stage.",
  bad: [
    "FROM debian:12\nRUN apt-get update && apt-get install -y gcc-multilib\n",
    "FROM debian:12\nRUN apt-get update && apt-get install -y linux-headers-amd64\n",
    'FROM ubuntu:22.04\nRUN echo "deb http://mirror.example/ubuntu jammy main universe" > /etc/apt/sources.list\n',
    "FROM debian:12\nRUN dpkg --add-architecture i386 && apt-get update && apt-get install -y libc6:i386\n",
  ],
  good: [
    "FROM debian:12\nRUN apt-get update && apt-get install -y git curl ripgrep rsync\n",
    "FROM debian:12\nRUN apt-get update && apt-get install -y linux-headers-$(dpkg --print-architecture)\n",
    "FROM debian:12\nRUN apt-get update && apt-get install -y gcc-aarch64-linux-gnu qemu-system-x86\n",
  ],
  mentions: /apt|ubuntu|install_packages|clean-install/,
  check(model, report) {
    reportArchives(model, report);
    const added = addedArchitectures(model);
    const microsoft = stagesWithFeed(model, /packages\.microsoft\.com/);
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || managerOf(use) !== "apt") continue;
      const { architecture } = use.stage.platform;
      for (const { name, written } of installedPackages(use)) {
        const only =
          onlyFor(name) ?? (microsoft.has(use.facts.index) && microsoftOnly.test(name) ? "amd64" : undefined);
        if (only === undefined || only === architecture || isForeignOnPurpose(use, name, added)) continue;
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

/** Ubuntu's sources written anew, with the archive that has nothing for arm. */
function reportArchives(model: DockerfileModel, report: (remark: Remark) => void): void {
  const found = (line: number, architecture: string): void =>
    report({
      line,
      message: `Ubuntu's packages for ${architecture} are in its ports archive (ubuntu-ports), not in this one.`,
      architectures: [architecture],
      fix: "Leave the image's own sources, or write the archive by `dpkg --print-architecture`.",
    });
  for (const use of usesOf(model)) {
    const { architecture } = use.stage.platform;
    if (
      !isNative(use.view) ||
      /^(?:amd64|386)$/.test(architecture) ||
      /^(?:sed|grep|perl|awk)$/.test(use.program)
    )
      continue;
    const { argv, input } = use.executed;
    if ([...argv, input].some((text) => pcArchiveIn(text) !== undefined))
      found(lineOfWord(use, /\/ubuntu\b/), architecture);
  }
  for (const { instruction, stage, view } of placesOf(model)) {
    const { architecture } = stage.platform;
    if (
      !/^(?:ADD|COPY)$/.test(instruction.keyword) ||
      !isNative(view) ||
      /^(?:amd64|386)$/.test(architecture)
    )
      continue;
    for (const { body, line } of instruction.heredocs) {
      const at = pcArchiveIn(body);
      if (at !== undefined)
        found((line ?? instruction.line) + body.slice(0, at).split("\n").length - 1, architecture);
    }
  }
}

/** By stage what `dpkg --add-architecture` adds there. */
function addedArchitectures(model: DockerfileModel): ReadonlyMap<number, ReadonlySet<string>> {
  const found = new Map<number, Set<string>>();
  if (!model.lines.some((line) => line.includes("--add-architecture"))) return found;
  for (const { index, parent } of model.stages) found.set(index, new Set(found.get(parent ?? -1)));
  for (const { program, args, facts } of usesOf(model)) {
    if (program !== "dpkg" || args[0] !== "--add-architecture") continue;
    for (const { index, parent } of model.stages)
      if (index === facts.index || parent === facts.index) found.get(index)?.add(args[1] ?? "");
  }
  return found;
}

/** Libraries for a cross compile: the stage has their architecture added. 32-bit x86 has no ports beside arm. */
function isForeignOnPurpose(
  { facts }: Use,
  name: string,
  added: ReadonlyMap<number, ReadonlySet<string>>,
): boolean {
  const foreign = /:(amd64|arm64|armhf|armel)$/.exec(name)?.[1];
  if (foreign === undefined || added.get(facts.index)?.has(foreign) !== true) return false;
  return foreign !== "amd64" || facts.follows === "build";
}

/** What Microsoft's apt feeds for Debian and Ubuntu have for x64 only. */
const microsoftOnly =
  /^(?:dotnet-(?:sdk|runtime|host\S*|hostfxr\S*)|aspnetcore-runtime|aspnetcore-targeting-pack|dotnet-\w+-pack|powershell|msodbcsql\d*|mssql-\S+|blobfuse\S*|procdump|sysinternalsebpf)(?:-[\d.]+)?$/;

/** Stages in which, or before which, something mentions a package feed. */
function stagesWithFeed(model: DockerfileModel, feed: RegExp): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { index, parent, stage } of model.stages) {
    const own = stage.instructions.some(
      ({ text, heredocs }) => feed.test(text) || heredocs.some(({ body }) => feed.test(body)),
    );
    if (own || (parent !== undefined && found.has(parent))) found.add(index);
  }
  return found;
}

/** The one architecture that has a package, or undefined. */
function onlyFor(name: string): string | undefined {
  if (/[\ufffc/]/.test(name)) return undefined;
  const foreign = /:(amd64|i386|arm64|armhf|armel)$/.exec(name)?.[1];
  if (foreign !== undefined)
    return archNames(foreign)[0]?.arch === "386" ? "amd64" : archNames(foreign)[0]?.arch;
  if (/-(?:doc|docs|common|data|dbg)$/.test(name)) return undefined;
  if (debianX86Packages.has(name) || vendors.test(name)) return "amd64";
  if (forAll.test(name) || name.startsWith("google-chrome")) return undefined;
  const named = archNames(name).filter(({ text }) =>
    /^(?:amd64|i386|i686|x86[-_]64|arm64|armhf|armel)$/.test(text),
  );
  return named.length === 1 ? (named[0]?.arch === "386" ? "amd64" : named[0]?.arch) : undefined;
}
