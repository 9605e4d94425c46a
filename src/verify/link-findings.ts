import { elfFits } from "./architecture.ts";
import { compareVersions } from "./elf-dynamic.ts";
import { fittingPaths, runnableElf } from "./elf-findings.ts";
import type { Severity, VerifyFinding } from "./finding.ts";
import type { ScannedElf } from "./layer-scan.ts";
import { type Libc, libcOf, otherLibcPath } from "./libc.ts";
import { NpmFamilies } from "./npm-platform.ts";
import { scriptFindings, startFindings } from "./start-findings.ts";
import type { PlacedFile, Subject } from "./subject.ts";

/**
 * Whether what native files ask of the image is there: the loader, libraries by name, the right C library and its
 * version; the interpreters of scripts, and what the config starts. Only meaningful where all layers were read.
 */
export function linkFindings(subject: Subject): readonly VerifyFinding[] {
  if (!subject.complete) return [];
  const files = runnableElf(subject);
  const glibc = providedGlibc(subject);
  const wrongLibc = new Map(
    files.flatMap((placed) => {
      const libc = foreignLibc(subject, placed);
      return libc === undefined ? [] : [[placed, libc] as const];
    }),
  );
  return [
    ...libcFindings(subject, files, wrongLibc),
    ...files.flatMap((placed) => {
      // What is for the other C library can't be used whatever else is there.
      if (wrongLibc.has(placed)) return [];
      return [...loaderFindings(subject, placed), ...libraryFindings(subject, placed)];
    }),
    ...(glibc === undefined ? [] : files.flatMap((placed) => glibcFindings(subject, placed, glibc))),
    ...scriptFindings(subject),
    ...startFindings(subject),
  ];
}

/** The highest GLIBC version that a libc.so.6 for the image's platform defines. */
function providedGlibc(subject: Subject): string | undefined {
  return subject
    .elf()
    .filter(
      ({ file, live }) =>
        live && file.facts.soname === "libc.so.6" && elfFits(file.facts, subject.platform).ok,
    )
    .map(({ file }) => file.facts.glibcProvided)
    .filter((version) => version !== undefined)
    .toSorted(compareVersions)
    .at(-1);
}

/** The C library that a file is linked with, where the image has the other one only. */
function foreignLibc({ libcs, tree }: Subject, { file }: PlacedFile<ScannedElf>): Libc | undefined {
  const libc = libcOf(file.facts);
  if (libc === undefined || libcs.size === 0 || libcs.has(libc)) return undefined;
  const { interpreter } = file.facts;
  // A loader may be there without the rest: Alpine's gcompat stands in for glibc's.
  return interpreter !== undefined && tree.resolve(interpreter) !== undefined ? undefined : libc;
}

function libcFindings(
  subject: Subject,
  files: readonly PlacedFile<ScannedElf>[],
  wrong: ReadonlyMap<PlacedFile<ScannedElf>, Libc>,
): readonly VerifyFinding[] {
  if (wrong.size === 0) return [];
  const right = fittingPaths(
    subject,
    files.filter((placed) => !wrong.has(placed)),
  );
  const families = new NpmFamilies(subject);
  return [...wrong].map(([placed, libc]) => {
    const wanted = libc === "musl" ? "glibc" : "musl";
    const other =
      otherLibcPath(placed.path, libc, (path) => right.has(path)) ??
      families.standIn(subject.npmAt(placed.path));
    const { interpreter } = placed.file.facts;
    const why = other === undefined ? "" : `; the one for ${wanted} is ${other}`;
    const fate = interpreter === undefined ? "" : `, so that its loader ${interpreter} is missing`;
    return subject.finding(
      placed,
      {
        code: "ELF_WRONG_LIBC",
        severity: other === undefined ? libcSeverity(subject, placed, libc) : "info",
        expected: wanted,
        found: libc,
      },
      `is linked with ${libc}, the image has ${wanted}${fate}${why}`,
    );
  });
}

function libcSeverity(subject: Subject, placed: PlacedFile<ScannedElf>, libc: Libc): Severity {
  if (placed.file.facts.interpreter !== undefined) return startSeverity(subject, placed);
  // musl takes glibc's names for its own: some libraries work with it.
  return libc === "glibc" ? "warning" : "error";
}

/** How bad it is that a program can't start: what is in a directory of programs, or started first, is meant to. */
function startSeverity(subject: Subject, placed: PlacedFile<ScannedElf>): Severity {
  if (subject.start?.path === placed.path) return "error";
  if (subject.isOfDistribution(placed)) return "info";
  if (placed.file.facts.soname !== undefined) return "info";
  return placed.file.executable && /(?:^|\/)s?bin\/[^/]+$/.test(placed.path) ? "error" : "warning";
}

function loaderFindings(subject: Subject, placed: PlacedFile<ScannedElf>): readonly VerifyFinding[] {
  const { interpreter } = placed.file.facts;
  if (interpreter === undefined || !interpreter.startsWith("/")) return [];
  if (subject.tree.resolve(interpreter) !== undefined) return [];
  return [
    subject.finding(
      placed,
      {
        code: "ELF_INTERPRETER_MISSING",
        severity: startSeverity(subject, placed),
        expected: interpreter,
        found: "nothing",
      },
      `can't start: its loader ${interpreter} isn't in the image`,
    ),
  ];
}

/** What the container runtimes of graphics processors put into containers. */
const injected =
  /^lib(?:cuda|nvcuvid|nvoptix|nvidia-[\w-]+|(?:GLX|EGL|GLESv2|GLESv1_CM)_nvidia|cudadebugger)\.so/;

/** Libraries are looked for by name anywhere: search paths may be set at run time. */
function libraryFindings(subject: Subject, placed: PlacedFile<ScannedElf>): readonly VerifyFinding[] {
  const missing = placed.file.facts.needed.filter(
    (name) => name !== "" && !subject.names.has(name.slice(name.lastIndexOf("/") + 1)),
  );
  if (missing.length === 0) return [];
  const list = missing.join(", ");
  const first = subject.start?.path === placed.path;
  // A distribution's package leaves out of its dependencies what only some of its files need: no fault of the image.
  const excused =
    missing.every((name) => injected.test(name)) ||
    subject.isOfDistribution(placed) ||
    // Python's own images for services have the module, but not the windows that it is for.
    /\/lib-dynload\/_tkinter\./.test(placed.path);
  return [
    subject.finding(
      placed,
      {
        code: "ELF_LIBRARY_MISSING",
        severity: first ? "error" : excused ? "info" : "warning",
        expected: list,
        found: "nothing",
      },
      `needs ${list}, which ${missing.length === 1 ? "isn't" : "aren't"} in the image`,
    ),
  ];
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
