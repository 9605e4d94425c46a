import * as v from "valibot";
import type { Platform } from "../../oci/platform.ts";
import type { ContextFiles } from "../dockerfile/context-files.ts";

/** A package of which each platform has an optional package of its own. */
export interface PlatformPackages {
  readonly name: string;
  readonly version: string;
  /** Names of all that it offers. */
  readonly offered: readonly string[];
  /** Those of them that the lock file holds. */
  readonly locked: ReadonlySet<string>;
}

/** What a platform misses of such a package. */
export interface Lacking {
  readonly kind: "not locked" | "not offered";
  readonly names: readonly string[];
}

const schema = v.looseObject({
  packages: v.record(
    v.string(),
    v.looseObject({
      version: v.optional(v.string()),
      optionalDependencies: v.optional(v.record(v.string(), v.string())),
    }),
  ),
});

const systems: ReadonlySet<string> = new Set(["darwin", "win32", "windows", "freebsd", "android", "macos"]);
/** Node.js's names (`process.arch`), and what single packages call them. */
const architectures: Readonly<Record<string, readonly string[]>> = {
  amd64: ["x64", "x86_64", "amd64", "64"],
  arm64: ["arm64", "aarch64"],
  arm: ["arm", "armv7", "armv7l", "armhf"],
  "386": ["ia32", "x86", "i686"],
  ppc64le: ["ppc64", "ppc64le", "ppc64el"],
  s390x: ["s390x"],
  riscv64: ["riscv64"],
  loong64: ["loong64"],
};

const known = new WeakMap<ContextFiles, Map<string, readonly PlatformPackages[]>>();

/** Of a package-lock.json of version 2 or 3; empty for what can't be read: npm will say so. */
export function platformPackages(files: ContextFiles, path: string): readonly PlatformPackages[] {
  const paths = known.get(files) ?? new Map<string, readonly PlatformPackages[]>();
  known.set(files, paths);
  const before = paths.get(path);
  if (before !== undefined) return before;
  const found = readPlatformPackages(files.text(path) ?? "");
  paths.set(path, found);
  return found;
}

function readPlatformPackages(text: string): readonly PlatformPackages[] {
  let lock: v.InferOutput<typeof schema>;
  try {
    lock = v.parse(schema, JSON.parse(text));
  } catch {
    return [];
  }
  const name = (key: string): string => key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length);
  const present = new Set(Object.keys(lock.packages).map(name));
  return Object.entries(lock.packages).flatMap(([key, { version = "", optionalDependencies = {} }]) => {
    const offered = Object.keys(optionalDependencies).filter((each) => platformOf(each) !== undefined);
    const locked = new Set(offered.filter((each) => present.has(each)));
    // One alone is no family, and one of which nothing is locked was left out on purpose.
    if (!key.includes("node_modules/") || offered.length < 2 || locked.size === 0) return [];
    return [{ name: name(key), version, offered, locked }];
  });
}

interface NamedPlatform {
  readonly linux: boolean;
  readonly architecture: string;
  readonly libc?: "glibc" | "musl";
}

/** What a package's name says that it is for: `@rollup/rollup-linux-arm64-gnu`, `sass-embedded-linux-musl-x64`. */
function platformOf(name: string): NamedPlatform | undefined {
  const words = name.toLowerCase().split(/[^a-z0-9_]+/);
  const linux = words.some((word) => word.startsWith("linux"));
  if (!linux && !words.some((word) => systems.has(word))) return undefined;
  const architecture = Object.entries(architectures).find(([, spellings]) =>
    spellings.some((spelling) => words.includes(spelling)),
  )?.[0];
  if (architecture === undefined) return undefined;
  if (words.some((word) => word.includes("musl"))) return { linux, architecture, libc: "musl" };
  return words.some((word) => /^(?:gnu|glibc)/.test(word))
    ? { linux, architecture, libc: "glibc" }
    : { linux, architecture };
}

/** Undefined where all is there. */
export function lacking(group: PlatformPackages, platform: Platform, musl: boolean): Lacking | undefined {
  const libc = musl ? "musl" : "glibc";
  const linux = group.offered.filter((name) => platformOf(name)?.linux === true);
  const names = linux.filter((name) => {
    const named = platformOf(name);
    return named?.architecture === platform.architecture && (named.libc ?? libc) === libc;
  });
  // Where both are offered, one without a C library in its name is for glibc.
  const strict = names.some((name) => platformOf(name)?.libc === "musl");
  const wanted = strict && musl ? names.filter((name) => platformOf(name)?.libc === "musl") : names;
  if (wanted.length === 0) return linux.length < 2 ? undefined : { kind: "not offered", names: [] };
  const missing = wanted.filter((name) => !group.locked.has(name));
  return missing.length === 0 ? undefined : { kind: "not locked", names: missing };
}
