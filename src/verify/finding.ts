import type { Digest } from "../oci/digest.ts";
import type { ElfMisfit } from "./architecture.ts";
import type { PackageKind } from "./layer-scan.ts";

/** What a finding is about, as the text report has its columns. */
export type VerifyCheckName = "machine" | "abi" | "start" | "scripts" | "packages" | "documents" | "layers";

export type FindingCode =
  | ElfMisfit
  /** An ELF file whose header or tables make no sense. */
  | "ELF_MALFORMED"
  /** A library or extension module of macOS or Windows under a name that Linux loads. */
  | "NOT_ELF_BINARY"
  /** Needs a newer x86-64 level than the platform names. */
  | "ELF_ISA_LEVEL"
  /** The loader that a program asks for isn't in the image. */
  | "ELF_INTERPRETER_MISSING"
  /** For musl where the image has glibc, or the reverse. */
  | "ELF_WRONG_LIBC"
  /** A library that a file needs is nowhere in the image. */
  | "ELF_LIBRARY_MISSING"
  /** Needs a newer glibc than the image has. */
  | "ELF_GLIBC_TOO_NEW"
  /** A script's interpreter isn't in the image. */
  | "SCRIPT_INTERPRETER_MISSING"
  /** What the config starts isn't in the image. */
  | "COMMAND_MISSING"
  /** A jar or Python zip application has native code for Linux, but none for the platform. */
  | "ARCHIVE_WRONG_PLATFORM"
  /** The tags of an installed wheel are for other platforms. */
  | "WHEEL_WRONG_PLATFORM"
  /** An npm package says that it is for other platforms, and the one for this isn't there. */
  | "NPM_WRONG_PLATFORM"
  /** Config, manifest descriptor and index disagree about the platform. */
  | "CONFIG_PLATFORM"
  /** No rule is known for the platform's system or architecture: its files weren't proved. */
  | "PLATFORM_UNKNOWN"
  /** A document or layer is of a kind that image formats don't know, or calls itself another than it is listed as. */
  | "MEDIA_TYPE"
  /** The config has another number of diffIDs, or of history entries, than the manifest has layers. */
  | "LAYER_COUNT"
  | "DIFF_ID_MISMATCH"
  /** Bytes aren't what their digest says. */
  | "DIGEST_MISMATCH"
  /** A layer isn't there, or can't be read to its end, so that nothing is proved of it. */
  | "LAYER_UNREADABLE"
  /** A manifest or config isn't there or makes no sense, so that nothing is proved of the platform. */
  | "MANIFEST_UNREADABLE"
  /** The index offers more than one image for the platform: which one runs depends on who pulls. */
  | "PLATFORM_TWICE";

export type Severity = "error" | "warning" | "info";

/** One thing that is wrong, or worth knowing, of one platform's image. */
export interface VerifyFinding {
  readonly code: FindingCode;
  /** An error means that the image doesn't hold what it says; all else leaves it good. */
  readonly severity: Severity;
  /** Without leading slash; absent for what concerns a layer or the image as a whole. */
  readonly path?: string;
  readonly layer?: Digest;
  /** From 0 for the lowest. */
  readonly layerIndex?: number;
  /** In the same terms: "aarch64", "x86_64". */
  readonly expected: string;
  readonly found: string;
  /** A sentence for people, complete without the other fields. */
  readonly message: string;
  readonly origin?: FindingOrigin;
}

/** What put a file there, as far as known. */
export interface FindingOrigin {
  readonly package?: { readonly kind: PackageKind; readonly name: string; readonly version?: string };
  /** The history entry of the layer: a Dockerfile instruction, or what the tool that made it says. */
  readonly instruction?: string;
}

/** What came out of one check. */
export interface VerifyCheck {
  /** The worst severity among its findings, "ok" without any; "unproved" where what it needs wasn't read. */
  readonly status: "ok" | "unproved" | Severity;
  /** Findings of that severity. */
  readonly count: number;
}

/** What was proved of one platform's image. */
export interface PlatformReport {
  /** "linux/arm/v7". */
  readonly platform: string;
  /** True without errors among the findings. */
  readonly ok: boolean;
  /** Regular files looked into, in all layers that were read. */
  readonly files: number;
  /** ELF files among them. */
  readonly elf: number;
  readonly checks: Readonly<Record<VerifyCheckName, VerifyCheck>>;
  /** Errors first, then from the highest layer down, then by path. */
  readonly findings: readonly VerifyFinding[];
}

const ranks: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** Errors first, then from the highest layer down (it is the user's own), then by path. */
export function sortFindings(findings: readonly VerifyFinding[]): readonly VerifyFinding[] {
  return findings.toSorted(
    (a, b) =>
      ranks[a.severity] - ranks[b.severity] ||
      (b.layerIndex ?? Infinity) - (a.layerIndex ?? Infinity) ||
      compare(a.path ?? "", b.path ?? "") ||
      compare(a.code, b.code),
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
