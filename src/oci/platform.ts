import { AnyarchError } from "../errors/error.ts";

/** A platform as in the image-spec's image-index.md; field names are the wire's. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** Without a prototype, so that a lookup of "constructor" finds nothing. */
function table<T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, entries);
}

const architectureAliases = table<readonly [string, string?]>({
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  x64: ["amd64"],
  aarch64: ["arm64"],
  i386: ["386"],
  i686: ["386"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  armv7l: ["arm", "v7"],
  armv6l: ["arm", "v6"],
});

const architectures: ReadonlySet<string> = new Set([
  "386",
  "amd64",
  "arm",
  "arm64",
  "loong64",
  "mips",
  "mipsle",
  "mips64",
  "mips64le",
  "ppc64",
  "ppc64le",
  "riscv64",
  "s390x",
  "wasm",
]);

const systems: ReadonlySet<string> = new Set([
  "aix",
  "android",
  "darwin",
  "dragonfly",
  "freebsd",
  "illumos",
  "ios",
  "js",
  "linux",
  "netbsd",
  "openbsd",
  "plan9",
  "solaris",
  "wasip1",
  "windows",
]);

/** Variants from the least capable to the most; a machine runs its own and those before it. */
const variants = table<readonly string[]>({
  arm: ["v5", "v6", "v7", "v8"],
  amd64: ["v1", "v2", "v3", "v4"],
  arm64: [
    "v8",
    "v8.1",
    "v8.2",
    "v8.3",
    "v8.4",
    "v8.5",
    "v8.6",
    "v8.7",
    "v8.8",
    "v8.9",
    "v9",
    "v9.1",
    "v9.2",
    "v9.3",
    "v9.4",
    "v9.5",
    "v9.6",
    "v9.7",
  ],
});

/** The variant that an absent one stands for, and which is therefore not written (but for arm). */
const baseline = table({ arm: "v7", amd64: "v1", arm64: "v8" });

/**
 * The form that containerd uses: aliases resolved, arm given its variant, the baseline of amd64 (v1) and
 * arm64 (v8) left out. Unknown values are kept, so that foreign indexes stay readable.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === "macos" ? "darwin" : platform.os.toLowerCase();
  const lower = platform.architecture.toLowerCase();
  const [architecture, impliedVariant] = architectureAliases[lower] ?? [lower];
  let variant = (platform.variant ?? impliedVariant ?? "").toLowerCase();
  if (/^\d/.test(variant)) variant = `v${variant}`;
  if (variant === "" && architecture === "arm") variant = "v7";
  if (variant === baseline[architecture] && architecture !== "arm") variant = "";
  const { "os.version": osVersion, "os.features": osFeatures } = platform;
  return {
    architecture,
    os,
    ...(variant !== "" && { variant }),
    ...(osVersion !== undefined && { "os.version": osVersion }),
    ...(osFeatures !== undefined && { "os.features": osFeatures }),
  };
}

function invalid(text: string, why: string): AnyarchError {
  return new AnyarchError("PLATFORM_INVALID", `"${text}" is not a platform: ${why}.`, {
    hint: suggestion(text),
    details: { platform: text },
  });
}

function suggestion(text: string): string {
  const guess = text.toLowerCase().replaceAll("-", "/").split("/").filter(Boolean);
  const architecture = guess.find(
    (part) => architectures.has(part) || architectureAliases[part] !== undefined,
  );
  const form = "Write platforms as os/arch[/variant], for example linux/amd64, linux/arm64 or linux/arm/v7.";
  if (architecture === undefined) return form;
  const [canonical, implied] = architectureAliases[architecture] ?? [architecture];
  const system = guess.find((part) => systems.has(part)) ?? "linux";
  const variant = guess.find((part) => variants[canonical]?.includes(part)) ?? implied;
  const meant = formatPlatform({ os: system, architecture: canonical, ...(variant && { variant }) });
  return `Did you mean ${meant}? ${form}`;
}

/**
 * Parses `os/arch[/variant]` into its normalised form. Throws PLATFORM_INVALID, with the right form, for
 * anything else, including `amd64`, `linux-amd64`, `linux/arm/v9` and the empty string.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.trim().split("/");
  if (text.trim() === "") throw invalid(text, "it is empty");
  if (parts.length < 2) throw invalid(text, "it has no slash between operating system and architecture");
  if (parts.length > 3 || parts.includes("")) throw invalid(text, "it isn't of the form os/arch[/variant]");
  const [os = "", architecture = "", variant] = parts;
  const platform = normalizePlatform({ os, architecture, ...(variant !== undefined && { variant }) });
  if (!systems.has(platform.os)) throw invalid(text, `"${os}" is no operating system that images know`);
  if (!architectures.has(platform.architecture))
    throw invalid(text, `"${architecture}" is no architecture that images know`);
  const known = variants[platform.architecture];
  if (platform.variant !== undefined && known?.includes(platform.variant) !== true) {
    const choice = known === undefined ? "has no variants" : `has the variants ${known.join(", ")}`;
    throw invalid(text, `${platform.architecture} ${choice}, not "${platform.variant}"`);
  }
  return platform;
}

/** `os/arch[/variant]` of the normalised platform. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os, architecture, variant].filter(Boolean).join("/");
}

/** Equal after normalisation, ignoring os.version and os.features. */
export function samePlatform(a: Platform, b: Platform): boolean {
  return formatPlatform(a) === formatPlatform(b);
}

/**
 * The platforms whose images run on `platform`, best first: itself, then lower variants (arm/v7 → v6 → v5,
 * amd64/v3 → v2 → v1). Never sideways to another architecture.
 */
export function acceptablePlatforms(platform: Platform): readonly Platform[] {
  const wanted = normalizePlatform(platform);
  const known = variants[wanted.architecture] ?? [];
  const position = known.indexOf(wanted.variant ?? baseline[wanted.architecture] ?? "");
  const lower = position < 0 ? [] : known.slice(0, position).toReversed();
  return [wanted, ...lower.map((variant) => normalizePlatform({ ...wanted, variant }))];
}

/** The candidate that serves `wanted` best, or undefined. Candidates without a platform never match. */
export function matchPlatform<T extends { readonly platform?: Platform | undefined }>(
  wanted: Platform,
  candidates: readonly T[],
): T | undefined {
  for (const acceptable of acceptablePlatforms(wanted)) {
    const found = candidates.find(
      (candidate) => candidate.platform !== undefined && samePlatform(candidate.platform, acceptable),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The platform of Linux containers on a machine that Node.js describes as `arch` (process.arch). */
export function localPlatform(arch: string, armVersion?: string): Platform {
  const architecture = { x64: "amd64", ia32: "386", mipsel: "mipsle" }[arch] ?? arch;
  return normalizePlatform({ os: "linux", architecture, ...(armVersion && { variant: `v${armVersion}` }) });
}
