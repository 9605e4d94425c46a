import { elfFits, isDeviceCode, isDynamic, machineOf } from "./architecture.ts";
import type { ElfFacts } from "./elf.ts";
import type { Severity, VerifyFinding } from "./finding.ts";
import type { ScannedElf, ScannedForeign } from "./layer-scan.ts";
import { NpmFamilies, npmFits } from "./npm-platform.ts";
import { counterpart, isChosenByPath, namesOtherSystem, platformFamily } from "./shipped-for-many.ts";
import type { PlacedFile, Subject } from "./subject.ts";

/** Every native file of the image compared with the platform that the image claims. */
export function elfFindings(subject: Subject): readonly VerifyFinding[] {
  const files = subject.elf().filter(({ file, path }) => !isDeviceCode(file.facts) && !isFirmware(path));
  const fits = fittingPaths(subject, files);
  const grounds = { subject, fits, families: new NpmFamilies(subject) };
  const judged = files.flatMap((placed) => [
    ...machineFindings(grounds, placed),
    ...damageFindings(subject, placed),
  ]);
  return [...judged, ...malformedFindings(subject), ...foreignFindings(grounds)];
}

/** What a file is judged by. */
interface Grounds {
  readonly subject: Subject;
  /** {@link fittingPaths} */
  readonly fits: ReadonlySet<string>;
  readonly families: NpmFamilies;
}

/** Code for the processors of devices, which the kernel only passes on. */
function isFirmware(path: string): boolean {
  return /^(?:usr\/)?lib\/firmware\//.test(path);
}

/** The live files that fit the platform, and the directories that they are in. */
export function fittingPaths(
  subject: Subject,
  files: readonly PlacedFile<ScannedElf>[],
): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const { file, live, path } of files) {
    if (!live || !elfFits(file.facts, subject.platform).ok) continue;
    for (let end = path.length; end > 0 && !paths.has(path.slice(0, end));) {
      paths.add(path.slice(0, end));
      end = path.lastIndexOf("/", end - 1);
    }
  }
  return paths;
}

function machineFindings(grounds: Grounds, placed: PlacedFile<ScannedElf>): readonly VerifyFinding[] {
  const { subject } = grounds;
  const { facts } = placed.file;
  const fit = elfFits(facts, subject.platform);
  if (fit.ok) return isaFindings(subject, placed);
  const excuse = excuseFor(grounds, placed);
  const what = `is for ${fit.found}, the image says ${subject.platformText}`;
  const severity = excuse?.severity ?? "error";
  return [
    subject.finding(placed, { ...fit, severity }, excuse === undefined ? what : `${what}; ${excuse.why}`),
  ];
}

interface Excuse {
  readonly severity: Severity;
  readonly why: string;
}

/** Why a file for another machine doesn't make the image wrong; undefined where it does. */
function excuseFor({ subject, fits, families }: Grounds, placed: PlacedFile<ScannedElf>): Excuse | undefined {
  const { file, live, path } = placed;
  if (!live) return { severity: "info", why: "a layer above hides it" };
  const { facts } = file;
  const distribution = subject.distributionOf(placed);
  if (distribution !== undefined) {
    const { name, architecture = "" } = distribution;
    return { severity: "info", why: `the package ${name} for ${architecture} is meant to hold it` };
  }
  if (
    facts.armVersion === 8 &&
    facts.type === "dyn" &&
    elfFits({ ...facts, armVersion: 7 }, subject.platform).ok
  ) {
    // numpy, OpenBLAS and libraries for video choose in their own code, which nothing in the file shows.
    return { severity: "warning", why: "it may choose by what the processor can do" };
  }
  const wanted = machineOf(subject.platform);
  const right = wanted === undefined ? undefined : counterpart(path, facts.machine, wanted, fits);
  if (right !== undefined) return { severity: "info", why: `the one for this platform is ${right}` };
  const chosen = families.excuse(path);
  if (chosen !== undefined) return { severity: "info", why: chosen };
  if (/(?:^|\/)(?:testdata|test-data)\//.test(path)) return { severity: "info", why: "it is test data" };
  if (isCrossToolchain(path, facts)) return { severity: "info", why: "it is part of a cross toolchain" };
  if (facts.type !== "exec" && facts.type !== "dyn") {
    return { severity: "warning", why: `it isn't run or loaded by itself (type ${facts.type})` };
  }
  if (facts.type === "exec" && !isDynamic(facts) && !file.executable && !looksLoadable(path)) {
    // Boot loaders, firmware of emulators: what no Linux starts.
    return { severity: "warning", why: "it isn't marked as a program" };
  }
  if (/(?:^|\/)qemu-[\w]+-static$/.test(path)) {
    return { severity: "warning", why: "an emulator that was copied in for the build and isn't needed" };
  }
  return undefined;
}

/** `usr/aarch64-linux-gnu/lib/libc.so.6` in an image for another machine: what cross compilers link with. */
function isCrossToolchain(path: string, facts: ElfFacts): boolean {
  const triplet = /^usr\/(?:lib\/gcc-cross\/)?((\w+)-linux-(?:gnu|musl)\w*)\//.exec(path);
  if (triplet === null) return false;
  const names: Readonly<Record<string, string>> = { i686: "386", i386: "386", powerpc64le: "ppc64le" };
  const machine = triplet[2] ?? "";
  return (
    (names[machine] ?? machine.replace(/^mips(?:64)?el$/, (name) => name.replace("el", "le"))) ===
    facts.machine
  );
}

/** x86-64 levels above the platform's are no proof of a fault, for programs choose at run time, too. */
function isaFindings(subject: Subject, placed: PlacedFile<ScannedElf>): readonly VerifyFinding[] {
  const { facts } = placed.file;
  const { architecture, variant } = subject.platform;
  const level = architecture === "amd64" ? Number(variant?.slice(1) ?? 1) : undefined;
  if (level === undefined || facts.isa === undefined || facts.isa <= level || !placed.live) return [];
  if (/(?:^|\/)(?:glibc-hwcaps|haswell)\//.test(placed.path)) return [];
  const [expected, found] = [`x86-64-v${level}`, `x86-64-v${facts.isa}`];
  return [
    subject.finding(
      placed,
      { code: "ELF_ISA_LEVEL", severity: "warning", expected, found },
      `needs ${found}, the image says ${subject.platformText}`,
    ),
  ];
}

function damageFindings(subject: Subject, placed: PlacedFile<ScannedElf>): readonly VerifyFinding[] {
  const { damage } = placed.file.facts;
  // Files of debug symbols have the tables of their program, but not what these point to.
  const isDebug = /^usr\/lib\/debug\/|\.debug$/.test(placed.path);
  if (damage === undefined || !placed.live || isDebug) return [];
  const details = {
    code: "ELF_MALFORMED",
    severity: "warning",
    expected: "a whole ELF file",
    found: damage,
  } as const;
  return [subject.finding(placed, details, `is damaged: ${damage}`)];
}

function malformedFindings(subject: Subject): readonly VerifyFinding[] {
  return subject
    .files((scan) => scan.malformed)
    .filter(({ live }) => live)
    .map((placed) => {
      const isCode = placed.file.executable || looksLoadable(placed.path);
      return subject.finding(
        placed,
        {
          code: "ELF_MALFORMED",
          severity: isCode ? "error" : "warning",
          expected: "an ELF file",
          found: placed.file.why,
        },
        `begins as an ELF file but isn't one: ${placed.file.why}`,
      );
    });
}

/** Names that programs on Linux load as native code. */
function looksLoadable(path: string): boolean {
  return /\.(?:so(?:\.\d[\d.]*)?|node)$/.test(path);
}

function foreignFindings(grounds: Grounds): readonly VerifyFinding[] {
  const { subject } = grounds;
  const wanted = machineOf(subject.platform);
  if (subject.platform.os !== "linux" || wanted === undefined) return [];
  return subject
    .files<ScannedForeign>((scan) => scan.foreign)
    .filter(({ live }) => live)
    .flatMap((placed) => {
      const { path, file } = placed;
      const isProgram = file.executable && /(?:^|\/)s?bin\/[^/.]+$/.test(path);
      if (!looksLoadable(path) && !isProgram) return [];
      const excuse = foreignExcuse(grounds, path, wanted);
      const why = excuse === undefined ? "" : `; ${excuse}`;
      const severity: Severity = excuse === undefined ? "error" : "info";
      const system = file.format === "PE" ? "Windows" : "macOS";
      return [
        subject.finding(
          placed,
          { code: "NOT_ELF_BINARY", severity, expected: wanted, found: file.format },
          `is for ${system} (${file.format}), the image says ${subject.platformText}${why}`,
        ),
      ];
    });
}

function foreignExcuse(
  { subject, fits, families }: Grounds,
  path: string,
  wanted: string,
): string | undefined {
  if (namesOtherSystem(path) && isChosenByPath(path)) return "its path is looked at on that system only";
  const right = namesOtherSystem(path) ? counterpart(path, undefined, wanted, fits) : undefined;
  if (right !== undefined) return `the one for this platform is ${right}`;
  const placed = subject.npmAt(path);
  const other = families.excuse(path);
  if (other !== undefined) return other;
  const owner = placed?.scanned;
  // fsevents and the like, which others never ask for; what chooses among packages per platform needs the right one.
  if (owner === undefined || npmFits(owner.supports, subject) || platformFamily(owner.name) !== undefined) {
    return undefined;
  }
  return `${owner.name} says that it isn't for this platform, so nothing loads it`;
}

/** What runs or is loaded on the image's platform, for the checks of what it needs. */
export function runnableElf(subject: Subject): readonly PlacedFile<ScannedElf>[] {
  return subject
    .elf()
    .filter(
      ({ file, live }) =>
        live &&
        (file.facts.type === "exec" || file.facts.type === "dyn") &&
        isDynamic(file.facts) &&
        elfFits(file.facts, subject.platform).ok,
    );
}
