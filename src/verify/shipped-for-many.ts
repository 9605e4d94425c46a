/**
 * Packages ship native code for several platforms side by side (node_modules' `prebuilds/linux-x64`, wheels'
 * `x.cpython-311-x86_64-linux-gnu.so`, .NET's `runtimes/linux-x64`, Debian's multiarch directories) and choose
 * by path when they run. A file of the wrong one is harmless where the right one is there, too.
 */
const spellings: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["x86_64", "x86-64", "amd64", "x64"],
  aarch64: ["aarch64", "arm64", "armv8"],
  "386": ["i386", "i486", "i586", "i686", "ia32", "x86", "386"],
  arm: ["armv7l", "armv7", "armv6l", "armv6", "armhf", "armel", "arm"],
  ppc64le: ["powerpc64le", "ppc64le", "ppc64el"],
  ppc64: ["powerpc64", "ppc64"],
  s390x: ["s390x"],
  riscv64: ["riscv64"],
  mips64le: ["mips64el", "mips64le"],
  mipsle: ["mipsel", "mipsle"],
  mips64: ["mips64"],
  mips: ["mips"],
  loongarch64: ["loongarch64", "loong64"],
};

const otherSystems = ["darwin", "macos", "osx", "win32", "windows", "win", "freebsd", "android"];

/** Finds `word` where no letter or digit is beside it. */
function wordPattern(word: string): RegExp {
  return new RegExp(`(?<![A-Za-z0-9])${word}(?![A-Za-z0-9])`, "g");
}

const words = new Map(
  [...Object.values(spellings).flat(), ...otherSystems].map((word) => [word, wordPattern(word)]),
);

/** Directories whose reader chooses among siblings, so that the file's name may be another in each. */
const chosenBelow = /(?:^|\/)(?:node_modules|prebuilds|prebuilt|runtimes|natives?)\//;

/**
 * The path of what stands in for `path` (a file for `machine`) on the machine `wanted`: the same path with the
 * other machine's spelling, or its directory, if `fits` knows it. `fits` holds the paths of files that fit the
 * image's platform and their directories.
 */
export function counterpart(
  path: string,
  machine: string | undefined,
  wanted: string,
  fits: ReadonlySet<string>,
): string | undefined {
  // What is compiled when a package is installed is loaded before what it was shipped with.
  const module = /^(.*)\/prebuilds\//.exec(path)?.[1];
  if (module !== undefined && fits.has(`${module}/build/Release`)) return `${module}/build/Release`;
  const own = machine === undefined ? Object.values(spellings).flat() : (spellings[machine] ?? []);
  const target = spellings[wanted] ?? [];
  for (const spelled of systemVariants(path)) {
    const named = own.filter((word) => spelled.search(words.get(word) ?? /$^/) >= 0);
    for (const word of named) {
      for (const other of target) {
        const found = findCandidate(spelled, word, other, fits);
        if (found !== undefined && found !== path) return found;
      }
    }
  }
  return undefined;
}

/** Other systems' names replaced by Linux's, for their files are never this one's. */
function systemVariants(path: string): readonly string[] {
  const system = otherSystems.find((word) => path.search(words.get(word) ?? /$^/) >= 0);
  return system === undefined ? [path] : [path.replaceAll(words.get(system) ?? /$^/g, "linux"), path];
}

function findCandidate(
  path: string,
  word: string,
  other: string,
  fits: ReadonlySet<string>,
): string | undefined {
  const pattern = words.get(word) ?? /$^/g;
  const candidate = path.replaceAll(pattern, other);
  for (const spelled of [
    candidate,
    candidate.replaceAll("linux-gnu", "linux-gnueabihf"),
    candidate.replaceAll(/linux-gnueabi(?:hf)?/g, "linux-gnu"),
  ]) {
    if (fits.has(spelled)) return spelled;
  }
  if (!chosenBelow.test(path)) return undefined;
  // The deepest directory that names the machine.
  const folders = path.split("/").slice(0, -1);
  const last = folders.findLastIndex((folder) => folder.search(pattern) >= 0);
  if (last < 0) return undefined;
  const folder = folders
    .slice(0, last + 1)
    .join("/")
    .replaceAll(pattern, other);
  return fits.has(folder) ? folder : undefined;
}

/** True below directories whose reader takes what is for its own system and processor. */
export function isChosenByPath(path: string): boolean {
  return /(?:^|\/)(?:prebuilds|prebuilt|runtimes|natives?)\//.test(path);
}

/** Linux beside the others, and what packages call the C libraries and ABIs; for names that are compared, not replaced. */
const familyWords = [
  ...Object.values(spellings).flat(),
  ...otherSystems,
  ..."linux linuxmusl linux32 linux64 alpine musl gnu glibc msvc gnueabi gnueabihf musleabihf eabi".split(
    " ",
  ),
  ..."wasm32 wasm wasi universal unknown pc aarch 64 sunos openbsd netbsd aix openharmony".split(" "),
].toSorted((a, b) => b.length - a.length);

const familyPattern = new RegExp(`(?<![A-Za-z0-9])(?:${familyWords.join("|")})(?![A-Za-z0-9])`, "gi");

/**
 * What is left of a name without the words for platforms, the same for all that are chosen among by platform:
 * "@esbuild/linux-x64" → "@esbuild/"; undefined where the name has no such word.
 */
export function platformFamily(name: string): string | undefined {
  const rest = name.replaceAll("_", "-").replaceAll(familyPattern, "");
  return rest === name.replaceAll("_", "-") ? undefined : rest.replaceAll(/[-.]+(?=[-./]|$)/g, "");
}

/** True where the path names a system that isn't Linux: it is chosen there only. */
export function namesOtherSystem(path: string): boolean {
  return otherSystems.some((word) => path.search(words.get(word) ?? /$^/) >= 0);
}
