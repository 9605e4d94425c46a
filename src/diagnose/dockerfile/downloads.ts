import { unknown } from "../shell/unknown.ts";
import { archNames, type ArchName, wholeArch } from "./arch-names.ts";
import type { DockerfileModel } from "./model.ts";
import { envPairs } from "./stage-view.ts";
import { chosenAssets } from "./release-assets.ts";
import { lineOfText, lineOfWord, type Place, placesOf, type Use, usesOf } from "./uses.ts";

/** A file that is fetched from elsewhere. */
export interface Download {
  readonly place: Place;
  /** Of RUN; absent for ADD. */
  readonly use?: Use;
  readonly url: string;
  /** Where the file goes, as far as the command says. */
  readonly outputs: readonly string[];
  /** It goes to the next command of a pipeline. */
  readonly piped: boolean;
  readonly line: number;
}

const known = new WeakMap<DockerfileModel, readonly Download[]>();

const fetchers = new Set([
  "curl",
  "wget",
  "aria2c",
  "axel",
  "http",
  "fetch",
  "lwp-download",
  "gh",
  "gsutil",
  "gcloud",
  "aws",
  "s3cmd",
  "mc",
  "Invoke-WebRequest",
  "Invoke-RestMethod",
  "iwr",
]);
/** Programs that take an address among other things. */
const takesAddress = new Set([
  "pip",
  "pip3",
  "npm",
  "rpm",
  "yum",
  "dnf",
  "microdnf",
  "zypper",
  "apk",
  "dpkg",
  "apt-get",
  "apt",
  "gem",
  "python",
  "python3",
  "tar",
  "unzip",
  "bsdtar",
  "conda",
  "mamba",
  "micromamba",
]);

/** Every address that is fetched, once per scenario. */
export function downloadsOf(model: DockerfileModel): readonly Download[] {
  const found = known.get(model);
  if (found !== undefined) return found;
  const downloads = [...usesOf(model).flatMap(fromUse), ...placesOf(model).flatMap(fromAdd)];
  known.set(model, downloads);
  return downloads;
}

function fromAdd(place: Place): Download[] {
  if (place.instruction.keyword !== "ADD") return [];
  const words = place.at.words.filter((word) => !word.startsWith("<<"));
  const destination = words.at(-1) ?? "";
  return words
    .slice(0, -1)
    .filter((word) => /^(?:https?|ftp):\/\//.test(word))
    .map((url) => ({
      place,
      url,
      outputs: [destination],
      piped: false,
      line: lineOfText(place.instruction, /(?:https?|ftp):\/\//),
    }));
}

type Kind = "fetcher" | "interpreter" | "other" | undefined;

const kinds = new Map<string, Kind>();

/** What a program has to do with addresses; undefined for most. */
function kindOf(program: string): Kind {
  if (kinds.has(program)) return kinds.get(program);
  const fetcher = fetchers.has(program) || /(?:^|[_-])(?:download|fetch|curl|wget)(?:$|[_-])/.test(program);
  const other = takesAddress.has(program) ? "other" : undefined;
  const kind: Kind = interpreters.test(program) ? "interpreter" : fetcher ? "fetcher" : other;
  if (kinds.size < 2000) kinds.set(program, kind);
  return kind;
}

function fromUse(use: Use): Download[] {
  const chosen = chosenAssets(use);
  if (chosen.length > 0) return chosen.map((name) => assetOf(use, name));
  const kind = kindOf(use.program);
  if (kind === undefined) return [];
  const fetcher = kind === "fetcher";
  const urls =
    kind === "interpreter"
      ? quotedAddresses(use.args)
      : use.args.filter((word) =>
          fetcher
            ? /^["']?(?:https?|ftp|s3|gs):\/\//.test(word) || (word.startsWith(unknown) && word.includes("/"))
            : /^(?:https?|ftp):\/\/[^\s]+\.(?:deb|rpm|apk|whl|tar\.\w+|tgz|zip|gem|conda)\b/.test(word),
        );
  return urls.map((url) => ({
    place: use,
    use,
    url,
    ...outputsOf(use, url),
    line:
      lineOfLiteral(use, url) ??
      lineOfWord(
        use,
        new RegExp(`://|${escapeForPattern(url.slice(url.lastIndexOf("/") + 1, url.lastIndexOf("/") + 8))}`),
      ),
  }));
}

/** A release's file that is chosen by a part of its name. */
function assetOf(use: Use, name: string): Download {
  const line = lineOfWord(use, new RegExp(escapeForPattern(name)));
  return {
    place: use,
    use,
    url: `https://github.com/releases/download/${name}`,
    outputs: [],
    piped: true,
    line,
  };
}

/** Where the file's name is kept in a variable: the line that the variable is set on. */
function lineOfLiteral(use: Use, url: string): number | undefined {
  const name = archsOfUrl(url)[0]?.text;
  if (name === undefined || use.executed.command.words.some(({ raw }) => raw.includes(name)))
    return undefined;
  const holds = (value: string): boolean =>
    value.includes(name) && /[./]/.test(value) && wholeArch(value) === undefined;
  const before = use.facts.stage.instructions.filter(
    ({ line, keyword }) => line < use.instruction.line && (keyword === "ENV" || keyword === "ARG"),
  );
  for (const instruction of [...before, ...use.model.dockerfile.globalArgs]) {
    const pair = envPairs(instruction).find(({ value }) => holds(value));
    if (pair !== undefined)
      return lineOfText(instruction, new RegExp(`(?:^|\\s)${pair.name.replaceAll(/\W/g, ".")}[= ]`));
  }
  return undefined;
}

const interpreters = /^(?:python[\d.]*|node|ruby|perl|php)$/;

/** Addresses within a program that an interpreter is handed. */
function quotedAddresses(args: readonly string[]): string[] {
  return args.flatMap((word) =>
    word.length > 20_000 ? [] : [...word.matchAll(/https?:\/\/[^\s'"`)<>]+/g)].map((match) => match[0]),
  );
}

function escapeForPattern(text: string): string {
  const plain = text.replaceAll(/[^\w.-]/g, "");
  return plain.length < 3 ? "://" : plain.replaceAll(".", "[.]");
}

function outputsOf(
  { executed, program, args }: Use,
  url: string,
): { readonly outputs: readonly string[]; readonly piped: boolean } {
  const outputs = executed.outputs.filter((path) => path !== "/dev/null");
  let directory = "";
  for (const [index, word] of args.entries()) {
    const next = args[index + 1] ?? "";
    if (/^-[a-zA-Z]*[o]$/.test(word) && program === "curl") outputs.push(next);
    else if (/^-o\S/.test(word) && program === "curl") outputs.push(word.slice(2));
    else if (/^-[a-zA-Z]*O$/.test(word) && program === "wget") outputs.push(next);
    else if (/^-O[^-\s]/.test(word) && program === "wget") outputs.push(word.slice(2));
    else if (/^(?:--output|--output-document|--out)$/.test(word)) outputs.push(next);
    else if (/^--(?:output|output-document)=/.test(word)) outputs.push(word.slice(word.indexOf("=") + 1));
    else if (/^--(?:output-dir|directory-prefix)=/.test(word))
      directory = `${word.slice(word.indexOf("=") + 1)}/`;
    else if (/^-P$|^--directory-prefix$|^--output-dir$/.test(word)) directory = `${next}/`;
  }
  const toStdout = outputs.includes("-") || outputs.includes("/dev/stdout");
  const files = outputs.filter((path) => path !== "-" && path !== "/dev/stdout");
  if (files.length > 0) return { outputs: files.map((path) => `${directory}${path}`), piped: false };
  const keepsName =
    program !== "curl" || args.some((word) => /^-[a-zA-Z]*O[a-zA-Z]*$|^--remote-name/.test(word));
  return { outputs: [`${directory}${baseName(url)}`], piped: toStdout || !keepsName };
}

export function baseName(path: string): string {
  const clean = path.replace(/[?#].*$/, "");
  return clean.slice(clean.lastIndexOf("/") + 1);
}

/** Files that are the same for every CPU, whatever their names say. */
const neutral =
  /\.(?:wasm|jar|war|pyz|phar|asc|sig|minisig|sha\d*(?:sum)?s?|md5|txt|json|ya?ml|md|key|gpg|pub|pem|crt|list|repo|sources|sh|bash|py|pl|rb|js|mjs|css|html|xml|svg|ttf|conf|patch|diff|sbom|spdx|dtb|csv|tsv|pdf|png|jpe?g|parquet)(?:$|[?#])|-(?:none|noarch|all|any)\.\w+$|_all\.deb|\.noarch\.rpm|\.src\.(?:rpm|tar)|-(?:src|source)\.(?:tar|zip)|firmware|\.(?:uf2|hex)$/i;

/** The architectures that a file's address names; none for files that are the same for every CPU. */
export function archsOfUrl(url: string): readonly ArchName[] {
  const path = url.replace(/^\w+:\/\/[^/]*/, "").replace(/#.*$/, "");
  if (neutral.test(path) && !/Linux-[\w.]+\.sh$/i.test(path)) return [];
  // What a compiler makes programs for, without an operating system, isn't where it runs.
  return archNames(
    path.replaceAll(
      /(?:arm|aarch64|riscv\d+|xtensa|avr)-(?:none|unknown|zephyr|esp\w*)-(?:e(?:abi|lf)\w*)/gi,
      "",
    ),
  );
}

/** The name in an address that fits neither the target nor the machine of the stage; undefined where one fits or none is. */
export function foreignArch({ place, url }: Download): ArchName | undefined {
  const names = archsOfUrl(url);
  const [first] = names;
  if (first === undefined) return undefined;
  const fitting = new Set([place.view.scenario.target.architecture, place.stage.platform.architecture]);
  // What is for 32 bits starts there as well.
  if (fitting.has("amd64")) fitting.add("386");
  return names.some(({ arch }) => fitting.has(arch)) ? undefined : first;
}

/** Whether a text pins Chrome at a version that Google builds for Linux on arm64: 153 (August 2026) and later. */
export function isChromeForArm(text: string): boolean {
  const major =
    /(?:^|[^\d.])(\d{2,3})\.\d+\.\d{3,5}(?:\.\d+)?|chrome(?:driver)?(?:-stable)?[=@](\d{2,3})\b/.exec(text);
  return Number(major?.[1] ?? major?.[2] ?? 0) >= 153;
}

/** Which rule an address of one architecture belongs to. */
export function ruleOfUrl(url: string): string {
  if (/(?:mini|ana)conda|miniforge|mambaforge|micromamba.*\.sh$/i.test(url) && /\.sh(?:$|\?)/.test(url))
    return "conda-x86_64-installer";
  if (
    /google-chrome|chrome-for-testing|chromedriver|chrome-linux|chromium-browser-snapshots|\/linux\/chrome\//i.test(
      url,
    ) &&
    !isChromeForArm(url)
  )
    return "chrome-amd64-only";
  if (/developer\.download\.nvidia\.(?:com|cn)\/compute\/(?:cuda|machine-learning)\/repos/i.test(url))
    return "nvidia-cuda-x86-repo";
  if (/qemu-[\w]+-static/i.test(url)) return "qemu-static-copied";
  if (/\.rpm(?:$|[?#])|\/(?:yum|rpm|el\d|epel|centos|fedora|rhel|dnf)\/(?:.*\/)?x86_64(?:\/|$)/i.test(url))
    return "arch-specific-package";
  if (/\.apk(?:$|[?#])/i.test(url)) return "arch-specific-package";
  if (
    /android-(?:ndk|sdk)|\/flutter_linux_|commandlinetools-linux|dl\.google\.com\/android|oneapi|registrationcenter-download\.intel|\/xc(?:8|16|32)-v[\d.]+-[\w-]*linux|[/_-](?:quartus|vivado|vitis|petalinux|modelsim|diamond)/i.test(
      url,
    )
  )
    return "x86-only-toolchain";
  return "hardcoded-arch-download";
}
