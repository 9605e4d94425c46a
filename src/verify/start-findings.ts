import type { Severity, VerifyFinding } from "./finding.ts";
import type { ScannedScript } from "./layer-scan.ts";
import { searchPath } from "./start-command.ts";
import type { PlacedFile, Subject } from "./subject.ts";

/** Whether what the config starts is there. */
export function startFindings({ start, config }: Subject): readonly VerifyFinding[] {
  if (start === undefined || start.path !== undefined) return [];
  const place = start.word.includes("/") ? "in the image" : `in ${searchPath(config).join(", ")}`;
  return [
    {
      code: "COMMAND_MISSING",
      // It may be mounted when the container is made.
      severity: "warning",
      expected: start.word,
      found: "nothing",
      message: `The config starts ${start.word}, which isn't ${place}.`,
    },
  ];
}

/** Whether the interpreters are there that scripts name, by path or as what env looks for. */
export function scriptFindings(subject: Subject): readonly VerifyFinding[] {
  const programs = programNames(subject);
  return subject
    .files<ScannedScript>((scan) => scan.scripts)
    .filter(({ live }) => live)
    .flatMap((placed) => {
      const missing = missingInterpreter(subject, placed.file.shebang, programs);
      if (missing === undefined) return [];
      return [
        subject.finding(
          placed,
          {
            code: "SCRIPT_INTERPRETER_MISSING",
            severity: severityOf(subject, placed),
            expected: missing,
            found: "nothing",
          },
          `can't start: its interpreter ${missing} isn't in the image`,
        ),
      ];
    });
}

/** Only programs in the search path are meant to be run; others are examples and sources. */
function severityOf(subject: Subject, placed: PlacedFile<ScannedScript>): Severity {
  if (subject.start?.path === placed.path) return "error";
  if (subject.isOfDistribution(placed)) return "info";
  // Dependencies' own programs are run by name of their interpreter, if at all.
  if (/(?:^|\/)node_modules\/|-gdb\.py$/.test(placed.path)) return "info";
  return /(?:^|\/)s?bin\/[^/]+$/.test(placed.path) ? "warning" : "info";
}

/** What is in directories of programs, wherever they are: the PATH may be set when the container runs. */
function programNames({ tree }: Subject): ReadonlySet<string> {
  return tree.names((folder) => /(?:^|\/)s?bin$/.test(folder));
}

function missingInterpreter(
  { tree, config }: Subject,
  shebang: string,
  programs: ReadonlySet<string>,
): string | undefined {
  const [interpreter = "", ...words] = shebang.split(/\s+/);
  if (!interpreter.startsWith("/")) return undefined;
  if (tree.resolve(interpreter) === undefined) return interpreter;
  if (!interpreter.endsWith("/env")) return undefined;
  // Options of env and variables come before the program.
  const program = words.find((word) => !word.startsWith("-") && !word.includes("="));
  if (program === undefined || program.includes("/") || programs.has(program)) return undefined;
  const isFound = searchPath(config).some((folder) => tree.resolve(`${folder}/${program}`) !== undefined);
  return isFound ? undefined : program;
}
