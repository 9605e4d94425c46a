import { normalizePlatform } from "../oci/platform.ts";
import type { VerifyFinding } from "./finding.ts";
import { npmFits, NpmFamilies } from "./npm-platform.ts";
import { platformFamily } from "./shipped-for-many.ts";
import type { Subject } from "./subject.ts";

/**
 * Whether installed wheels and npm packages say that they are for the platform. `others` are the findings about files:
 * a wheel whose tags alone are wrong may still work.
 */
export function packageFindings(
  subject: Subject,
  others: readonly VerifyFinding[],
): readonly VerifyFinding[] {
  if (subject.platform.os !== "linux") return [];
  return [...wheelFindings(subject, others), ...npmFindings(subject)];
}

function wheelFindings(subject: Subject, others: readonly VerifyFinding[]): readonly VerifyFinding[] {
  const broken = new Set(
    others.flatMap(({ severity, origin }) =>
      severity === "error" && origin?.package?.kind === "wheel" ? [origin.package.name] : [],
    ),
  );
  return subject.packages.flatMap(({ layer, scanned, record }) => {
    const { name, tags } = scanned;
    if (scanned.kind !== "wheel" || tags === undefined || tags.some((tag) => tagFits(tag, subject)))
      return [];
    const found = tags.join(", ");
    return [
      subject.finding(
        { layer, path: record },
        {
          code: "WHEEL_WRONG_PLATFORM",
          severity: broken.has(name) ? "error" : "warning",
          expected: subject.platformText,
          found,
        },
        `says that ${name} is for ${found}, the image says ${wordsOf(subject)}`,
      ),
    ];
  });
}

/** "linux/arm64 with glibc". */
function wordsOf({ platformText, libcs }: Subject): string {
  return libcs.size === 0 ? platformText : `${platformText} with ${[...libcs].join(" and ")}`;
}

/** The last part of Linux's platform tags (`uname -m`) → GOARCH. */
const machines: Readonly<Record<string, string>> = {
  aarch64: "arm64",
  armv5l: "arm",
  armv6l: "arm",
  armv7l: "arm",
  i386: "386",
  i486: "386",
  i586: "386",
  i686: "386",
  loongarch64: "loong64",
  ppc64: "ppc64",
  ppc64le: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
  x86_64: "amd64",
};

/** Whether a wheel of this tag can be for the image (Python packaging, "Platform compatibility tags"). */
function tagFits(tag: string, { platform, libcs }: Subject): boolean {
  const match = /^(manylinux\d*(?:_\d+_\d+)?|musllinux_\d+_\d+|linux)_(\w+)$/.exec(tag);
  // What isn't known isn't called wrong, but for the other systems.
  if (match === null) return !/^(?:macosx|win|ios|android)/.test(tag);
  const [, system = "", machine = ""] = match;
  const architecture = machines[machine];
  if (architecture !== undefined && architecture !== normalizePlatform(platform).architecture) return false;
  if (libcs.size === 0) return true;
  return system.startsWith("many") ? libcs.has("glibc") : !system.startsWith("musl") || libcs.has("musl");
}

function npmFindings(subject: Subject): readonly VerifyFinding[] {
  const families = new NpmFamilies(subject);
  return subject.packages.flatMap((placed) => {
    const { layer, scanned, record } = placed;
    const { name, supports } = scanned;
    if (npmFits(supports, subject) || families.standIn(placed) !== undefined) return [];
    const isChosen = platformFamily(name) !== undefined;
    const found = [supports?.os, supports?.cpu, supports?.libc]
      .flatMap((words) => (words === undefined ? [] : [words.join("|")]))
      .join(" ");
    const rest = isChosen ? "; the one for this platform isn't there" : "";
    return [
      subject.finding(
        { layer, path: record },
        {
          code: "NPM_WRONG_PLATFORM",
          severity: isChosen ? "error" : "info",
          expected: subject.platformText,
          found,
        },
        `says that ${name} is for ${found}, the image says ${wordsOf(subject)}${rest}`,
      ),
    ];
  });
}
