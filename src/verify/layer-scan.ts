import type { Digest } from "../oci/digest.ts";
import type { ElfFacts } from "./elf.ts";

/**
 * What one layer holds, as far as proofs need it: plain data, the same for every platform and image that has
 * the layer, kept as JSON. Paths are relative to the image's root, without leading or trailing slash.
 */
export interface LayerScan {
  /** sha256 of the uncompressed tar, recomputed from what was read. */
  readonly diffID: Digest;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** Number of regular files, each of which was looked into. */
  readonly files: number;
  readonly elf: readonly ScannedElf[];
  /** Files that begin as ELF files do, but whose header makes no sense. */
  readonly malformed: readonly ScannedMalformed[];
  /** Programs and libraries of macOS and Windows. */
  readonly foreign: readonly ScannedForeign[];
  readonly scripts: readonly ScannedScript[];
  /** Archives that hold native code. */
  readonly archives: readonly ScannedArchive[];
  /** Directory ("" for the root) → the names of what is in it but for directories. All of the layer. */
  readonly tree: Readonly<Record<string, readonly string[]>>;
  /** Directories of `tree` that have no entry of their own. */
  readonly implied: readonly string[];
  /** Symbolic link → its target as written. */
  readonly symlinks: Readonly<Record<string, string>>;
  /** What the layer removes from those below it. */
  readonly whiteouts: readonly string[];
  /** Directories of which nothing is left from the layers below. */
  readonly opaque: readonly string[];
  readonly packages: readonly ScannedPackage[];
}

export interface ScannedFile {
  readonly path: string;
  /** The other names of the same file in this layer. */
  readonly hardlinks?: readonly string[];
  /** True where any execute permission is set. */
  readonly executable: boolean;
}

export interface ScannedElf extends ScannedFile {
  readonly facts: ElfFacts;
}

interface ScannedMalformed extends ScannedFile {
  readonly why: string;
}

export interface ScannedForeign extends ScannedFile {
  readonly format: "Mach-O" | "PE";
}

/** An executable text file; `shebang` is its first line without "#!", at most 250 characters. */
export interface ScannedScript extends ScannedFile {
  readonly shebang: string;
}

/** A zip archive whose reader loads native code from it: a jar, a Python zip application. */
export interface ScannedArchive extends ScannedFile {
  /** Its ELF files, those of stored archives in it included. */
  readonly natives: readonly ArchivedNative[];
}

export interface ArchivedNative {
  /** "com/sun/jna/linux-x86-64/libjnidispatch.so"; "lib/x.jar!/…" for an archive within the archive. */
  readonly name: string;
  /** Of its header only. */
  readonly facts: ElfFacts;
}

export type PackageKind = "wheel" | "dpkg" | "apk" | "rpm" | "npm";

/** A package whose records are in the layer. */
export interface ScannedPackage {
  readonly kind: PackageKind;
  readonly name: string;
  readonly version?: string;
  /** dpkg, apk and rpm: as the distribution calls it ("arm64", "aarch64", "all", "noarch"). */
  readonly architecture?: string;
  /** The file that says so, for wheels and npm packages: their WHEEL or RECORD, their package.json. */
  readonly record?: string;
  /** Those of its files that may be binaries; none for npm, whose packages are their directories. */
  readonly files: readonly string[];
  /** Wheels: the platforms of its tags ("manylinux_2_17_x86_64", "any"). */
  readonly tags?: readonly string[];
  /** npm: what package.json restricts it to, as written: Node.js's names, those with "!" are excluded. */
  readonly supports?: NpmSupport;
}

export interface NpmSupport {
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}
