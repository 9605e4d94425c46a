import { createTwoFilesPatch } from "diff";
import type { Dockerfile, Instruction, Stage } from "../dockerfile/dockerfile.ts";
import { parseDockerfile } from "../dockerfile/parse.ts";
import type { FailedStep } from "./diagnosis.ts";

/** Languages whose building stage can run on the build platform by changing the Dockerfile alone. */
export type PatchedLanguage = "dotnet" | "go" | "node" | "java";

const bases: Readonly<Record<PatchedLanguage, RegExp>> = {
  dotnet: /dotnet\/(?:core\/|nightly\/)?sdk/,
  go: /(?:^|\/)golang[:@]|(?:^|\/)go:/,
  node: /(?:^|\/)node(?:[:@]|$)/,
  java: /(?:^|\/)(?:maven|gradle|eclipse-temurin|openjdk|amazoncorretto|ibm-semeru-runtimes)[:@]/,
};

const commands: Readonly<Record<PatchedLanguage, RegExp>> = {
  dotnet: /\bdotnet (?:publish|build|restore)\b/,
  go: /\bgo (?:build|install)\b/,
  node: /\b(?:npm|yarn|pnpm|npx)\b/,
  java: /\b(?:mvnw?|gradlew?|javac)\b/,
};

/** The language of a command, for faults that any program may have. */
export function languageOf(command: string): PatchedLanguage | undefined {
  return (Object.keys(commands) as PatchedLanguage[]).find((language) => commands[language].test(command));
}

/**
 * A unified diff that lets the stage which failed run on the build platform and make files for the target. Undefined
 * where that takes more than a change of the Dockerfile: the stage is the image itself, has a platform, or isn't there.
 */
export function buildPlatformPatch(
  text: string,
  language: PatchedLanguage,
  step: FailedStep | undefined,
): string | undefined {
  let dockerfile: Dockerfile;
  try {
    dockerfile = parseDockerfile(text);
  } catch {
    return undefined; // Whoever reads the file has said what is wrong with it.
  }
  const stage = stageOf(dockerfile, language, step);
  if (stage === undefined) return undefined;
  const lines = text.split("\n");
  const edits = new LineEdits(lines);
  edits.replace(stage.from.line, (line) => line.replace(/^(\s*FROM\s+)/i, "$1--platform=$BUILDPLATFORM "));
  const declared = argumentsOf(stage);
  const missing = neededArguments[language].filter((name) => !declared.has(name));
  if (missing.length > 0) edits.after(stage.from.endLine, `ARG ${missing.join(" ")}`);
  for (const run of stage.instructions.filter(({ keyword }) => keyword === "RUN")) {
    edits.replaceIn(run, crossCompile[language]);
  }
  const patched = edits.text();
  return patched === text
    ? undefined
    : createTwoFilesPatch("Dockerfile", "Dockerfile", text, patched).replace(/^(?:Index: .*\n)?=+\n/, "");
}

const neededArguments: Readonly<Record<PatchedLanguage, readonly string[]>> = {
  dotnet: ["TARGETARCH"],
  go: ["TARGETOS", "TARGETARCH"],
  node: [],
  java: [],
};

const crossCompile: Readonly<Record<PatchedLanguage, (line: string) => string>> = {
  dotnet: (line) =>
    line
      .replace(/\s(?:-r|--runtime|--arch|-a)[ =](?!\$TARGETARCH)\S+/, " -a $TARGETARCH")
      .replace(/\bdotnet (publish|restore)\b(?!.{0,400}\s-a \$TARGETARCH)/, "dotnet $1 -a $TARGETARCH"),
  go: (line) =>
    line
      .replace(/\bGOOS=\S+\s+/, "")
      .replace(/\bGOARCH=\S+\s+/, "")
      .replace(/\bgo (build|install)\b/, "GOOS=$TARGETOS GOARCH=$TARGETARCH go $1"),
  node: (line) => line,
  java: (line) => line,
};

/** The stage that failed, or the first of that language; only one whose result another stage takes over. */
function stageOf(
  dockerfile: Dockerfile,
  language: PatchedLanguage,
  step: FailedStep | undefined,
): Stage | undefined {
  const { stages } = dockerfile;
  const asked = step?.stage?.toLowerCase();
  const named = stages.find(
    ({ name, index }) => asked !== undefined && (name === asked || `stage-${index}` === asked),
  );
  const ofLanguage = stages.find(
    (stage) =>
      bases[language].test(stage.base) ||
      stage.instructions.some(({ keyword, text }) => keyword === "RUN" && commands[language].test(text)),
  );
  const stage = rootOf(named ?? ofLanguage, stages);
  if (stage === undefined || stage.platform !== undefined || stage.base === "scratch") return undefined;
  const isImage = stage.index === stages.length - 1 || rootOf(stages.at(-1), stages) === stage;
  return isImage ? undefined : stage;
}

/** A stage made FROM another stage has that one's platform. */
function rootOf(stage: Stage | undefined, stages: readonly Stage[]): Stage | undefined {
  const base = stages.find(
    ({ name, index }) => stage !== undefined && index < stage.index && name === stage.base.toLowerCase(),
  );
  return base === undefined ? stage : rootOf(base, stages);
}

function argumentsOf(stage: Stage): Set<string> {
  const names = stage.instructions
    .filter(({ keyword }) => keyword === "ARG")
    .flatMap(({ text }) => text.split(/\s+/).map((word) => word.replace(/=.*/, "")));
  return new Set(names);
}

/** Changes to lines by their numbers in the file as it was. */
class LineEdits {
  readonly #lines: string[];
  readonly #inserted = new Map<number, string>();

  constructor(lines: readonly string[]) {
    this.#lines = [...lines];
  }

  replace(line: number, change: (text: string) => string): void {
    const old = this.#lines[line - 1];
    if (old !== undefined) this.#lines[line - 1] = change(old);
  }

  /** Changes the instruction as a whole, so that flags on continued lines are seen; only its own lines. */
  replaceIn(instruction: Instruction, change: (text: string) => string): void {
    const { line, endLine } = instruction;
    const old = this.#lines.slice(line - 1, endLine);
    const parts = change(old.join("\u0000")).split("\u0000");
    if (parts.length === old.length) this.#lines.splice(line - 1, old.length, ...parts);
  }

  after(line: number, text: string): void {
    this.#inserted.set(line, text);
  }

  text(): string {
    return this.#lines
      .flatMap((line, index) => {
        const more = this.#inserted.get(index + 1);
        return more === undefined ? [line] : [line, line.endsWith("\r") ? `${more}\r` : more];
      })
      .join("\n");
  }
}
