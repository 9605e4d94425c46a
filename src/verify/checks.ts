import {
  type FindingCode,
  type PlatformReport,
  sortFindings,
  type VerifyCheck,
  type VerifyCheckName,
  type VerifyFinding,
} from "./finding.ts";

/** What a finding of each code is about. */
const checkOf: Readonly<Record<FindingCode, VerifyCheckName>> = {
  ELF_WRONG_MACHINE: "machine",
  ELF_WRONG_CLASS: "machine",
  ELF_WRONG_ENDIANNESS: "machine",
  ELF_WRONG_OS: "machine",
  ELF_MALFORMED: "machine",
  NOT_ELF_BINARY: "machine",
  ELF_WRONG_FLOAT_ABI: "abi",
  ELF_WRONG_VARIANT: "abi",
  ELF_ISA_LEVEL: "abi",
  ELF_WRONG_LIBC: "abi",
  ELF_INTERPRETER_MISSING: "start",
  ELF_LIBRARY_MISSING: "start",
  ELF_GLIBC_TOO_NEW: "start",
  COMMAND_MISSING: "start",
  SCRIPT_INTERPRETER_MISSING: "scripts",
  ARCHIVE_WRONG_PLATFORM: "packages",
  WHEEL_WRONG_PLATFORM: "packages",
  NPM_WRONG_PLATFORM: "packages",
  CONFIG_PLATFORM: "documents",
  PLATFORM_UNKNOWN: "documents",
  PLATFORM_TWICE: "documents",
  MEDIA_TYPE: "documents",
  MANIFEST_UNREADABLE: "documents",
  LAYER_COUNT: "documents",
  DIFF_ID_MISMATCH: "layers",
  DIGEST_MISMATCH: "layers",
  LAYER_UNREADABLE: "layers",
};

/** All codes that findings have. */
export const verifyFindingCodes = Object.keys(checkOf) as readonly FindingCode[];

/** In the order of the report. */
const checkNames = [
  "machine",
  "abi",
  "start",
  "scripts",
  "packages",
  "documents",
  "layers",
] as const satisfies readonly VerifyCheckName[];

/** How much of an image was read: nothing at all, its documents, some of its layers, or all of them. */
export type Extent = "nothing" | "documents" | "layers" | "all";

const severities = ["error", "warning", "info"] as const;

/** Each check's worst findings, and what couldn't be proved. */
export function checksOf(
  findings: readonly VerifyFinding[],
  extent: Extent,
): Readonly<Record<VerifyCheckName, VerifyCheck>> {
  return everyCheck((name) => worst(findings, name) ?? (isProved(name, extent) ? ok : unproved));
}

/** The report with other findings, in their order. */
export function withFindings(report: PlatformReport, findings: readonly VerifyFinding[]): PlatformReport {
  const before = report.checks;
  return {
    ...report,
    ok: findings.every(({ severity }) => severity !== "error"),
    checks: everyCheck(
      (name) => worst(findings, name) ?? (before[name].status === "unproved" ? unproved : ok),
    ),
    findings: sortFindings(findings),
  };
}

const ok: VerifyCheck = { status: "ok", count: 0 };
const unproved: VerifyCheck = { status: "unproved", count: 0 };

function everyCheck(of: (name: VerifyCheckName) => VerifyCheck): Record<VerifyCheckName, VerifyCheck> {
  return Object.fromEntries(checkNames.map((name) => [name, of(name)])) as Record<
    VerifyCheckName,
    VerifyCheck
  >;
}

function worst(findings: readonly VerifyFinding[], name: VerifyCheckName): VerifyCheck | undefined {
  const own = findings.filter(({ code }) => checkOf[code] === name);
  for (const status of severities) {
    const count = own.filter(({ severity }) => severity === status).length;
    if (count > 0) return { status, count };
  }
  return undefined;
}

/** What files need may be in any layer; the rest is seen in the layers that were read. */
function isProved(name: VerifyCheckName, extent: Extent): boolean {
  if (name === "documents") return extent !== "nothing";
  if (name === "start" || name === "scripts") return extent === "all";
  return extent === "all" || extent === "layers";
}
