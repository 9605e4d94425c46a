/** What dpkg, apk or rpm installed. */
export interface DistributionPackage {
  readonly kind: "dpkg" | "apk" | "rpm";
  readonly name: string;
  readonly version?: string;
  /** As the distribution calls it. */
  readonly architecture?: string;
  /** Those that may be binaries, without leading slash. */
  readonly files: readonly string[];
}

/** dpkg's list of one package's files, or its md5sums where distroless images have these instead. */
export function parseDpkgList(path: string, text: string): DistributionPackage {
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/\.(?:list|md5sums)$/, "");
  const [name = base, architecture] = base.split(":");
  const files = text
    .split("\n")
    .map((line) =>
      line
        .replace(/^[0-9a-f]{32}\s+/, "")
        .trim()
        .replace(/^\.?\/+/, ""),
    )
    .filter(couldBeBinary);
  return { kind: "dpkg", name, ...(architecture !== undefined && { architecture }), files };
}

/** The packages of dpkg's status file: name, version, architecture. */
export function parseDpkgStatus(
  text: string,
): readonly { readonly name: string; readonly version?: string; readonly architecture?: string }[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const name = /^Package: *(\S+)/m.exec(paragraph)?.[1];
    const version = /^Version: *(\S+)/m.exec(paragraph)?.[1];
    const architecture = /^Architecture: *(\S+)/m.exec(paragraph)?.[1];
    if (name === undefined) return [];
    return [{ name, ...(version && { version }), ...(architecture && { architecture }) }];
  });
}

/** apk's database: P name, V version, A architecture, F directory, R file of it. */
export function parseApk(text: string): readonly DistributionPackage[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (letter: string): string | undefined =>
      new RegExp(`^${letter}:(.+)$`, "m").exec(paragraph)?.[1];
    const name = field("P");
    if (name === undefined) return [];
    const [version, architecture] = [field("V"), field("A")];
    const pairs: [string, string][] = [];
    let folder = "";
    for (const line of paragraph.split("\n")) {
      if (line.startsWith("F:")) folder = line.slice(2);
      else if (line.startsWith("R:")) pairs.push([folder, line.slice(2)]);
    }
    return [
      {
        kind: "apk" as const,
        name,
        ...(version !== undefined && { version }),
        ...(architecture !== undefined && { architecture }),
        files: joinedPaths(pairs, paragraph.length).filter(couldBeBinary),
      },
    ];
  });
}

/**
 * Folders and names put together as paths, as long as they take no more than sixteen times the bytes of the record that
 * lists them: a hostile one names a long folder once and a million files in it.
 */
export function joinedPaths(
  pairs: Iterable<readonly [folder: string, name: string]>,
  recordBytes: number,
): string[] {
  const paths: string[] = [];
  let left = 16 * recordBytes;
  for (const [folder, name] of pairs) {
    left -= folder.length + name.length;
    if (left < 0) break;
    paths.push(folder === "" || folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`);
  }
  return paths;
}

/** False for what surely holds no code for a processor, so that lists stay short. */
export function couldBeBinary(path: string): boolean {
  if (/(?:^|\/)s?bin\/[^/]+$/.test(path)) return true;
  return (
    path !== "" &&
    !/^usr\/share\/(?:doc|man|locale|zoneinfo|info|lintian|icons|perl|python3)\//.test(path) &&
    !/\.(?:pyc?|h|hpp|txt|md|html?|css|svg|png|ttf|json|gz|xz|xml|conf|cnf|[jt]s|map|pl|pm|mo|pc|cmake|a|la|service|list|md5sums)$/.test(
      path,
    )
  );
}

/** GOARCH → what dpkg, apk and rpm call it. */
const names: Readonly<Record<string, readonly string[]>> = {
  "386": ["i386", "x86", "i486", "i586", "i686"],
  amd64: ["amd64", "x86_64"],
  arm: ["armhf", "armel", "armv7", "armv7hl", "armv6hl", "armv7l"],
  arm64: ["arm64", "aarch64"],
  loong64: ["loong64", "loongarch64"],
  mips64le: ["mips64el"],
  mipsle: ["mipsel"],
  ppc64le: ["ppc64el", "ppc64le"],
  riscv64: ["riscv64"],
  s390x: ["s390x"],
};

/** Whether a distribution's package is for the architecture (GOARCH), or for all. */
export function packageFits(packageArchitecture: string, architecture: string): boolean {
  return (
    packageArchitecture === "all" ||
    packageArchitecture === "noarch" ||
    names[architecture]?.includes(packageArchitecture) === true
  );
}
