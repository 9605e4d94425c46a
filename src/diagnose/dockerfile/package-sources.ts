import { archNames } from "./arch-names.ts";
import { managerOf } from "./packages.ts";
import type { Use } from "./uses.ts";

/** A repository's address in the files of yum, dnf and zypper, pacman and apk. */
const sourceEntry =
  /(?:^|\n|\\n|['"])\s*(?:baseurl|mirrorlist|metalink|Server)[ \t]*=[ \t]*((?:https?|ftp|file):\/\/[^\s'"\\]{1,500})/i;

/** NVIDIA's repositories are a rule of their own. */
const nvidia = /developer\.download\.nvidia\./;

function archOfAddress(address: string): string | undefined {
  if (nvidia.test(address) || /\$\{?(?:base)?arch|\/\$/.test(address)) return undefined;
  const path = address.replace(/^\w+:\/\/[^/]*/, "");
  const names = archNames(path).filter(({ text }) =>
    /^(?:x86[-_]64|amd64|x64|aarch64|arm64|i[36]86|armhf|armv7\w*|ppc64le|s390x)$/i.test(text),
  );
  const [first] = names;
  return first === undefined || names.some(({ arch }) => arch !== first.arch) ? undefined : first.arch;
}

/** The first repository of one architecture in a file of them, and the lines before it. */
export function sourceLine(text: string): { readonly arch: string; readonly before: number } | undefined {
  let offset = 0;
  for (const [index, line] of text.split("\n").entries()) {
    const address = sourceEntry.exec(line)?.[1];
    const arch = address === undefined ? undefined : archOfAddress(address);
    if (arch !== undefined) return { arch, before: index };
    offset += line.length;
    if (offset > 100_000) break;
  }
  return undefined;
}

/** The architecture that a repository's address names, where a command adds one. */
export function repositoryArch(use: Use): string | undefined {
  const { program, args, executed } = use;
  const manager = managerOf(use);
  if (manager === "rpm" || /^(?:yum|dnf)-config-manager$/.test(program)) {
    const adds = args.some((word) =>
      /^(?:config-manager|ar|addrepo|as|addservice)$|^--(?:add-repo|repofrompath|baseurl)/.test(word),
    );
    const configures = program.endsWith("config-manager") || adds;
    const address = configures ? args.find((word) => /(?:https?|ftp):\/\//.test(word)) : undefined;
    return address === undefined ? undefined : archOfAddress(address.replace(/^.*?(?=(?:https?|ftp):)/, ""));
  }
  if (manager === "apk") {
    const address = args
      .map((word, index) =>
        /^(?:-X|--repository)$/.test(args[index - 1] ?? "") ? word : /^--repository=(.+)/.exec(word)?.[1],
      )
      .find((word) => word !== undefined && /^https?:\/\//.test(word));
    return address === undefined ? undefined : archOfAddress(address);
  }
  if (!/^(?:echo|printf|cat|tee|sed)$/.test(program)) return undefined;
  const text = [...args, executed.input].find((word) => word.length < 20_000 && sourceEntry.test(word));
  if (text !== undefined) return sourceLine(text.replaceAll("\\n", "\n"))?.arch;
  const apk = executed.outputs.some((path) => path.endsWith("/apk/repositories"));
  const address = apk ? args.find((word) => /^https?:\/\//.test(word)) : undefined;
  return address === undefined ? undefined : archOfAddress(address);
}

/** Distributions with wheels for x86-64 alone and no sources, as seen in the index. */
const pipX86 =
  /^(?:mkl|intel-openmp|faiss-gpu|decord|tensorflow-cpu|onnxruntime-gpu|intel-extension-for-pytorch|daal4py)(?:\[[\w,-]*\])?(?:[=<>~!]=?[^;]*)?$/i;

/** What pip or uv is told to install that exists for x86-64 only. */
export function pipX86Packages({ program, args }: Use): readonly string[] {
  const pip =
    /^pip[\d.]*$/.test(program) ||
    (program === "uv" && args[0] === "pip") ||
    (/^python[\d.]*$/.test(program) && args[1] === "pip");
  return pip && args.includes("install") ? args.filter((word) => pipX86.test(word)) : [];
}

/** Packages of prebuilt programs are named by process.platform and process.arch. */
const npmPackage =
  /^(?:@[\w.-]+\/)?(?:[\w.-]*[-_.])?(linux|linuxmusl|linux-(?:gnu|musl))-(x64|arm64|ia32|arm|ppc64|s390x|riscv64)(?:-(?:gnu|musl|gnueabihf|musleabihf|glibc))?(?:@[^\s]*)?$/;

/** The architectures of packages that npm, yarn, pnpm or bun are told to add by name. */
export function npmPackageArchs({ program, args }: Use): { readonly name: string; readonly arch: string }[] {
  if (!/^(?:npm|yarn|pnpm|bun|cnpm)$/.test(program)) return [];
  if (!args.some((word) => /^(?:install|i|add|in|isntall)$/.test(word))) return [];
  // Told to take another machine's, they do.
  if (args.some((word) => /^(?:--force|-f|--cpu|--optional|-O|--save-optional)\b/.test(word))) return [];
  return args.flatMap((name) => {
    const text = npmPackage.exec(name)?.[2];
    const arch = text === undefined ? undefined : archNames(text)[0]?.arch;
    return arch === undefined ? [] : [{ name, arch }];
  });
}
