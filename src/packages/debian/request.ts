import { AnyarchError } from "../../errors/error.ts";
import { formatPlatform, normalizePlatform, type Platform } from "../../oci/platform.ts";

/** Which Debian packages a base or layer is made of, and where they come from. */
export interface DebianRequest {
  /** A codename or alias as under the mirror's `dists/`: "bookworm", "stable". */
  readonly suite: string;
  /** Names of binary packages, in the order in which they were asked for. */
  readonly packages: readonly string[];
  /** Where to fetch from; the machine's own apt sources where absent. */
  readonly mirrors?: readonly DebianSource[];
}

/** One apt source (sources.list(5)) of binary packages. */
export interface DebianSource {
  /** http or https; `dists/` and `pool/` lie below it. */
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Paths of keyrings (separated by spaces or commas), fingerprints, or one armored key itself. */
  readonly signedBy?: string;
  /** Debian architectures that the source is meant for; all where absent. */
  readonly architectures?: readonly string[];
  /** False where apt is told to accept an expired Release file (`Check-Valid-Until: no`). */
  readonly checkValidUntil?: boolean;
}

const form = 'Write it as deb:SUITE/PACKAGE[,PACKAGE…], for example "deb:bookworm/python3,ca-certificates".';
const suitePattern = /^[a-z][a-z0-9.-]*$/;
const namePattern = /^[a-z0-9][a-z0-9+.-]+$/;

/** Debian's names of the architectures that images call otherwise, and of those that are called the same. */
const debianNames: Readonly<Record<string, string>> = {
  amd64: "amd64",
  arm64: "arm64",
  "386": "i386",
  "arm/v5": "armel",
  "arm/v6": "armel",
  "arm/v7": "armhf",
  "arm/v8": "armhf",
  ppc64le: "ppc64el",
  s390x: "s390x",
  riscv64: "riscv64",
  mips64le: "mips64el",
  mipsle: "mipsel",
  loong64: "loong64",
};

/**
 * Reads `deb:SUITE/PACKAGE[,PACKAGE…]`, with or without the `deb:`. Repeated packages count once. Throws
 * REFERENCE_INVALID, with the right form, for anything else.
 */
export function parseDebianBase(text: string): { readonly suite: string; readonly packages: string[] } {
  const invalid = (why: string): AnyarchError =>
    new AnyarchError("REFERENCE_INVALID", `"${text}" names no Debian base: ${why}.`, {
      hint: form,
      details: { base: text },
    });
  const body = text.trim().replace(/^deb:/, "");
  const slash = body.indexOf("/");
  if (slash < 0) throw invalid("it has no slash between suite and packages");
  const suite = body.slice(0, slash);
  if (!suitePattern.test(suite)) throw invalid(`"${suite}" is no suite`);
  const packages = body
    .slice(slash + 1)
    .split(",")
    .map((name) => name.trim());
  if (packages.join("") === "") throw invalid("it names no package");
  for (const name of packages) {
    if (!namePattern.test(name)) throw invalid(`"${name}" is no package name`);
  }
  return { suite, packages: [...new Set(packages)] };
}

/**
 * Debian's name for a platform's architecture: arm/v7 is armhf, arm/v6 and arm/v5 are armel (armhf needs
 * ARMv7), 386 is i386. Throws PLATFORM_INVALID where Debian has no such architecture.
 */
export function debianArchitecture(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  const key = architecture === "arm" ? `arm/${variant ?? "v7"}` : architecture;
  const name = os === "linux" ? debianNames[key] : undefined;
  if (name === undefined) {
    throw new AnyarchError("PLATFORM_INVALID", `Debian has no packages for ${formatPlatform(platform)}.`, {
      hint: `Debian serves linux on ${Object.keys(debianNames).join(", ")}. Use a base image from a registry for other platforms.`,
      details: { platform: formatPlatform(platform) },
    });
  }
  return name;
}
