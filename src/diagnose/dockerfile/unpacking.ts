import { baseName } from "./downloads.ts";
import type { Use } from "./uses.ts";

/** What a command unpacks, as far as it says. */
export interface Extraction {
  /** Absent where it reads its standard input. */
  readonly archive?: string;
  readonly directory?: string;
  /** Without leading directories that are stripped; none where all is unpacked. */
  readonly members: readonly string[];
  /** Of programs that unpack one file. */
  readonly output?: string;
}

export function isUnpacker(program: string): boolean {
  return /^(?:tar|bsdtar|gtar|unzip|7z[a-z]?|gunzip|unxz|bunzip2|unzstd|gzip|xz|bzip2|zstd|zcat|funzip|dpkg-deb|ar|cpio)$/.test(
    program,
  );
}

export function isArchive(name: string): boolean {
  return /\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz|tzst|zip|gz|xz|bz2|zst|7z|deb|rpm|apk|whl)$/i.test(name);
}

export function extraction(use: Use): Extraction {
  const { program, args, executed } = use;
  if (/^(?:tar|bsdtar|gtar)$/.test(program)) return tarExtraction(args);
  if (program === "unzip" || program === "funzip" || program.startsWith("7z")) return zipExtraction(args);
  const archive = args.find((word) => !word.startsWith("-"));
  if (program === "dpkg-deb") {
    const words = args.filter((word) => !word.startsWith("-"));
    return { members: [], ...(words[0] && { archive: words[0] }), ...(words[1] && { directory: words[1] }) };
  }
  const [redirected] = executed.outputs;
  const output = redirected ?? archive?.replace(/\.(?:gz|xz|bz2|zst)$/, "");
  return {
    members: [],
    ...(archive !== undefined && { archive }),
    ...(output !== undefined && { output }),
  };
}

function tarExtraction(args: readonly string[]): Extraction {
  let archive: string | undefined;
  let directory: string | undefined;
  let strip = 0;
  const members: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    const next = args[index + 1] ?? "";
    // The first word may be options without a dash: `tar xzf x.tgz`.
    const bundled = /^-?[a-zA-Z]+$/.test(word) && (word.startsWith("-") || index === 0);
    if (word === "-C" || word === "--directory" || word === "--cd") directory = args[++index];
    else if (word.startsWith("--directory=")) directory = word.slice("--directory=".length);
    else if (word.startsWith("-C") && word.length > 2) directory = word.slice(2);
    else if (word.startsWith("--file=")) archive = word.slice("--file=".length);
    else if (word === "--file" || (bundled && word.endsWith("f"))) {
      archive = next;
      index++;
    } else if (bundled && word.endsWith("C")) directory = args[++index];
    else if (/^--strip(?:-components)?=/.test(word)) strip = Number(word.slice(word.indexOf("=") + 1));
    else if (/^--strip(?:-components)?$/.test(word)) strip = Number(args[++index]);
    else if (/^(?:--exclude|--transform|--xform|--owner|--group|-T|-X|-I)$/.test(word)) index++;
    else if (!word.startsWith("-") && !bundled) members.push(word);
  }
  return {
    members: members.map((member) => stripped(member, strip)),
    ...(archive !== undefined && archive !== "-" && { archive }),
    ...(directory !== undefined && { directory }),
  };
}

function stripped(member: string, count: number): string {
  const parts = member.split("/").filter((part) => part !== "" && part !== ".");
  return parts.slice(Math.min(Number.isFinite(count) ? count : 0, parts.length - 1)).join("/") || member;
}

function zipExtraction(args: readonly string[]): Extraction {
  let directory: string | undefined;
  let archive: string | undefined;
  const members: string[] = [];
  const flat = args.some((word) => /^-\w*j/.test(word));
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    if (word === "-d") directory = args[++index];
    else if (word === "-x") break;
    else if (/^-o[^\s]/.test(word) && word.length > 3) directory = word.slice(2);
    else if (word.startsWith("-") || word === "x" || word === "e") continue;
    else if (archive === undefined) archive = word;
    else members.push(flat ? baseName(word) : word);
  }
  return {
    members: members.filter((member) => !/[*?]/.test(member)),
    ...(archive !== undefined && { archive }),
    ...(directory !== undefined && { directory }),
  };
}
