import { compareVersions } from "./elf-dynamic.ts";
import { runnableElf } from "./elf-findings.ts";
import type { VerifyFinding } from "./finding.ts";
import type { ScannedElf, ScannedScript } from "./layer-scan.ts";
import type { PlacedFile, Subject } from "./subject.ts";

/**
 * Whether what native files ask of the image is there: the loader, libraries by name, glibc's version; and the
 * interpreters of scripts. Only meaningful where all layers were read.
 */
export function linkFindings(subject: Subject): readonly VerifyFinding[] {
  if (!subject.complete) return [];
  const files = runnableElf(subject);
  const names = subject.tree.names();
  const glibc = providedGlibc(subject);
  return [
    ...files.flatMap((placed) => loaderFindings(subject, placed)),
    ...files.flatMap((placed) => libraryFindings(subject, placed, names)),
    ...(glibc === undefined ? [] : files.flatMap((placed) => glibcFindings(subject, placed, glibc))),
    ...scriptFindings(subject),
  ];
}

/** The highest GLIBC version that a libc.so.6 in the image defines. */
function providedGlibc(subject: Subject): string | undefined {
  return subject
    .elf()
    .filter(({ file, live }) => live && file.facts.soname === "libc.so.6")
    .map(({ file }) => file.facts.glibcProvided)
    .filter((version) => version !== undefined)
    .toSorted(compareVersions)
    .at(-1);
}

function loaderFindings(subject: Subject, placed: PlacedFile<ScannedElf>): readonly VerifyFinding[] {
  const { interpreter } = placed.file.facts;
  if (interpreter === undefined || !interpreter.startsWith("/")) return [];
  if (subject.tree.resolve(interpreter) !== undefined) return [];
  const isLibrary = placed.file.facts.soname !== undefined;
  return [
    subject.finding(
      placed,
      {
        code: "ELF_INTERPRETER_MISSING",
        severity: isLibrary ? "info" : "warning",
        expected: interpreter,
        found: "nothing",
      },
      `can't start: its loader ${interpreter} isn't in the image`,
    ),
  ];
}

/** Libraries are looked for by name anywhere: search paths may be set at run time. */
function libraryFindings(
  subject: Subject,
  placed: PlacedFile<ScannedElf>,
  names: ReadonlySet<string>,
): readonly VerifyFinding[] {
  const missing = placed.file.facts.needed.filter(
    (name) => name !== "" && !names.has(name.slice(name.lastIndexOf("/") + 1)),
  );
  if (missing.length === 0) return [];
  const list = missing.join(", ");
  return [
    subject.finding(
      placed,
      {
        code: "ELF_LIBRARY_MISSING",
        severity: "warning",
        expected: list,
        found: "nothing",
      },
      `needs ${list}, which ${missing.length === 1 ? "isn't" : "aren't"} in the image`,
    ),
  ].map(distributionsChoice);
}

function glibcFindings(
  subject: Subject,
  placed: PlacedFile<ScannedElf>,
  provided: string,
): readonly VerifyFinding[] {
  const { glibc } = placed.file.facts;
  if (glibc === undefined || compareVersions(glibc, provided) <= 0) return [];
  return [
    subject.finding(
      placed,
      {
        code: "ELF_GLIBC_TOO_NEW",
        severity: "error",
        expected: `glibc ${provided} or older`,
        found: `glibc ${glibc}`,
      },
      `needs glibc ${glibc}, the image has ${provided}`,
    ),
  ];
}

function scriptFindings(subject: Subject): readonly VerifyFinding[] {
  return subject
    .files<ScannedScript>((scan) => scan.scripts)
    .filter(({ live }) => live)
    .flatMap((placed) => {
      const interpreter = placed.file.shebang.split(/\s+/, 1)[0] ?? "";
      if (!interpreter.startsWith("/") || subject.tree.resolve(interpreter) !== undefined) return [];
      return [
        subject.finding(
          placed,
          {
            code: "SCRIPT_INTERPRETER_MISSING",
            // Only programs in the search path are meant to be run; others are examples and sources.
            severity: /(?:^|\/)s?bin\/[^/]+$/.test(placed.path) ? "warning" : "info",
            expected: interpreter,
            found: "nothing",
          },
          `can't start: its interpreter ${interpreter} isn't in the image`,
        ),
      ].map(distributionsChoice);
    });
}

/** A distribution's package leaves out of its dependencies what only some of its files need: no fault of the image. */
function distributionsChoice(finding: VerifyFinding): VerifyFinding {
  const kind = finding.origin?.package?.kind;
  return kind === "dpkg" || kind === "apk" ? { ...finding, severity: "info" } : finding;
}
