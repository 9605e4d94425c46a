import { normalizePlatform } from "../oci/platform.ts";
import type { NpmSupport } from "./layer-scan.ts";
import { platformFamily } from "./shipped-for-many.ts";
import type { PlacedPackage, Subject } from "./subject.ts";

/** GOARCH → Node.js's process.arch. */
const cpus: Readonly<Record<string, string>> = {
  "386": "ia32",
  amd64: "x64",
  arm: "arm",
  arm64: "arm64",
  loong64: "loong64",
  mips: "mips",
  mipsle: "mipsel",
  ppc64: "ppc64",
  ppc64le: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
};

/** Whether npm would install a package of these restrictions on the image's platform (package.json: os, cpu, libc). */
export function npmFits(supports: NpmSupport | undefined, subject: Subject): boolean {
  const { os, architecture } = normalizePlatform(subject.platform);
  const cpu = cpus[architecture];
  if (supports === undefined || cpu === undefined) return true;
  return (
    allows(supports.os, [os]) &&
    // Code for WebAssembly runs everywhere.
    (supports.cpu?.includes("wasm32") === true || allows(supports.cpu, [cpu])) &&
    (subject.libcs.size === 0 || allows(supports.libc, [...subject.libcs]))
  );
}

/** npm's rule: one of the words, and none of those that "!" excludes. */
function allows(list: readonly string[] | undefined, present: readonly string[]): boolean {
  if (list === undefined) return true;
  const wanted = list.filter((word) => !word.startsWith("!"));
  if (present.every((word) => list.includes(`!${word}`))) return false;
  return wanted.length === 0 || present.some((word) => wanted.includes(word));
}

/** npm packages that are made one a platform ("@rollup/rollup-linux-x64-gnu"), of which the loader takes one. */
export class NpmFamilies {
  readonly #subject: Subject;
  /** Family → its member for the image's platform. */
  readonly #present = new Map<string, string>();

  constructor(subject: Subject) {
    this.#subject = subject;
    for (const placed of subject.packages) {
      const { supports, name } = placed.scanned;
      if (supports !== undefined && npmFits(supports, subject)) this.#present.set(familyKey(placed), name);
    }
  }

  /** The member for the image's platform that stands in for a package which isn't for it. */
  standIn(placed: PlacedPackage | undefined): string | undefined {
    if (placed === undefined || npmFits(placed.scanned.supports, this.#subject)) return undefined;
    return this.#present.get(familyKey(placed));
  }

  /** Why nothing loads a file of an npm package on the image's platform; undefined where something may. */
  excuse(path: string): string | undefined {
    const owner = this.#subject.npmAt(path);
    const other = this.standIn(owner);
    return other === undefined ? undefined : `the package for this platform is ${other}`;
  }
}

/** The same for packages that one is chosen of: their directory of packages, and their name without platforms. */
function familyKey({ scanned, record }: PlacedPackage): string {
  const family = platformFamily(scanned.name) ?? scanned.name;
  // pnpm gives each package a directory of packages of its own, by name and version.
  const pnpm = /^(?:.*\/)?node_modules\/\.pnpm\//.exec(record)?.[0];
  const folder = pnpm ?? record.slice(0, record.lastIndexOf(`node_modules/${scanned.name}/`));
  return `${folder} ${family} ${pnpm === undefined ? "" : (scanned.version ?? "")}`;
}
