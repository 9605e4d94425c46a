/** Names of architectures as they stand in file names, addresses, package names and flags. */

export interface ArchName {
  /** As written. */
  readonly text: string;
  /** Docker's name for it; "arm" without a variant. */
  readonly arch: string;
  readonly at: number;
}

const spellings: readonly (readonly [pattern: string, arch: string])[] = [
  ["x86[-_]64", "amd64"],
  ["amd64(?:v[1-4])?", "amd64"],
  ["x64", "amd64"],
  ["linux64", "amd64"],
  ["lin64", "amd64"],
  ["glnxa64", "amd64"],
  ["(?<=linux[-_])64", "amd64"],
  ["64-?bit", "amd64"],
  ["aarch_?64", "arm64"],
  ["arm64(?:v8|v8a|-v8a)?", "arm64"],
  ["armv8", "arm64"],
  ["i[3-6]86", "386"],
  ["ia32", "386"],
  ["linux32", "386"],
  ["(?<=linux[-_])32", "386"],
  ["32-?bit", "386"],
  ["armhf(?:p)?", "arm"],
  ["arm(?:32)?v[5-7](?:l|hf|a|hl)?", "arm"],
  ["armel", "arm"],
  ["arm32", "arm"],
  ["gnueabi(?:hf)?", "arm"],
  ["musleabi(?:hf)?", "arm"],
  ["armv?[67]", "arm"],
  ["arm", "arm"],
  ["ppc64(?:le|el)", "ppc64le"],
  ["powerpc64le", "ppc64le"],
  ["s390x", "s390x"],
  ["riscv64(?:gc)?", "riscv64"],
  ["mips64(?:el|le)", "mips64le"],
  ["loong(?:arch)?64", "loong64"],
  ["x86", "386"],
  ["386", "386"],
];

const system = "(?:linux|lin|gnu|musl|darwin|unknown|static)";
const pattern = new RegExp(
  `(?<![a-z0-9])${system}?(${spellings.map(([text]) => text).join("|")})(?![a-z0-9])`,
  "gi",
);
const exact = spellings.map(
  ([text, arch]) => [new RegExp(`^(?:${text.replace(/^\(\?<=.*?\)/, "")})$`, "i"), arch] as const,
);

/** What every spelling has one of: most texts name none and need no closer look. */
const sign = /6|32|arm|390|eabi/i;

/** A text that this doesn't fit names no architecture; of a whole file it tells quickly. */
export const mayNameArch =
  /x86|amd64|x64|lin(?:ux)?[-_]?(?:64|32)|a64|(?:64|32)-?bit|aarch|arm|i[3-6]86|ia32|ppc64|powerpc|s390x|riscv|mips64|loong|386|eabi|gnu|musl|-m64/i;

const none: readonly ArchName[] = [];

/** Every architecture that `text` names, in order. Linear in its length. */
export function archNames(text: string): readonly ArchName[] {
  if (!sign.test(text)) return none;
  const found: ArchName[] = [];
  for (const match of text.matchAll(pattern)) {
    const name = match[1] ?? "";
    const arch = exact.find(([spelling]) => spelling.test(name))?.[1];
    if (arch !== undefined) found.push({ text: name, arch, at: match.index + match[0].length - name.length });
  }
  return found;
}

/** `text` with every name of an architecture replaced by the same sign: what files of one family have in common. */
export function withoutArchs(text: string): string {
  return text.replaceAll(pattern, "*");
}

/** The one architecture that `text` is a name of as a whole, triples and RIDs included: "linux-x64", "amd64". */
export function wholeArch(text: string): string | undefined {
  const bare = text.replaceAll(/^["']|["']$/g, "");
  const names = archNames(bare);
  const [first] = names;
  if (first === undefined || names.some(({ arch }) => arch !== first.arch && arch !== "arm"))
    return undefined;
  const rest = bare
    .toLowerCase()
    .replaceAll(/x86[-_]64|[a-z]*64[a-z0-9]*|[a-z0-9]*86|arm[a-z0-9]*/g, "")
    .replaceAll(/linux|unknown|musl|gnu(?:eabi)?(?:hf)?|alpine|pc|debian|ubuntu|[-_/.]/g, "");
  return rest === "" ? first.arch : undefined;
}
