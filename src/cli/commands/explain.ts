import { existsSync } from "node:fs";
import { AnyarchError, explain, type ExplainReport, type LogSource, type Rule, rules } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { collect, outputFlags } from "../flags.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument("[log...]", "files with the build's output, - for standard input, or a fault's code")
      .option("-f, --file <dockerfile>", "the Dockerfile: fixes then hold patches for it")
      .option("-p, --platform <platform>", "the platform that was built, where the log doesn't tell", collect)
      .option("--emulated", "it was built under emulation")
      .option("--native", "it was built on a machine of its own CPU")
      .option(
        "--history [ref]",
        "a build in buildx's history, the last by default (docker buildx history ls)",
      )
      .option("--builder <name>", "the builder whose history it is"),
  async run([logs], flags, io) {
    const output = outputFlags(flags);
    const { showDiagnoses, showRule } = await import("../render/diagnosis.ts");
    const names = (logs ?? []) as readonly string[];
    const rule = await namedRule(names);
    if (rule !== undefined) {
      if (output.format === "json")
        io.terminal.out(`${JSON.stringify({ schema: "anyarch.rule/v1", rule })}\n`);
      else showRule(io.terminal, rule);
      return 0;
    }
    const options = optionsOf(flags);
    const reports: { readonly name: string; readonly report: ExplainReport }[] = [];
    for (const { name, source } of sourcesOf(names, flags)) {
      reports.push({ name, report: await explain(source, options, { signal: io.signal }) });
    }
    if (output.format === "json") io.terminal.out(`${JSON.stringify(joined(reports))}\n`);
    else {
      for (const { name, report } of reports) {
        if (reports.length > 1) io.terminal.out(`${io.terminal.paint("out", "bold", name)}\n`);
        showDiagnoses(io.terminal, report.diagnoses, output.verbose);
      }
    }
    return 0;
  },
};

/** A single word that is no file may be the code of a fault, or the name of a rule for Dockerfiles. */
async function namedRule(names: readonly string[]): Promise<Rule | undefined> {
  const [name] = names;
  if (names.length !== 1 || name === undefined || name === "-" || existsSync(name)) return undefined;
  return (await rules()).find(({ id }) => id === name);
}

function optionsOf(flags: Readonly<Record<string, unknown>>): Parameters<typeof explain>[1] {
  const { file, platform, emulated, native } = flags;
  const platforms = (platform ?? []) as readonly string[];
  if (platforms.length > 1 || platforms[0]?.includes(",") === true) {
    throw new AnyarchError("USAGE", "--platform takes the one platform that failed.");
  }
  if (emulated === true && native === true) {
    throw new AnyarchError("USAGE", "--emulated and --native contradict each other.");
  }
  return {
    ...(typeof file === "string" && { dockerfile: file }),
    ...(platforms[0] !== undefined && { platform: platforms[0] }),
    ...(emulated === true && { emulated: true }),
    ...(native === true && { emulated: false }),
  };
}

function sourcesOf(
  names: readonly string[],
  flags: Readonly<Record<string, unknown>>,
): readonly { readonly name: string; readonly source: LogSource }[] {
  const { history, builder } = flags;
  if (history !== undefined) {
    const reference = typeof history === "string" ? history : "";
    if (names.length > 0) throw new AnyarchError("USAGE", "--history and a log's file exclude each other.");
    return [
      { name: reference, source: { history: reference, ...(typeof builder === "string" && { builder }) } },
    ];
  }
  if (names.length === 0 && process.stdin.isTTY) {
    throw new AnyarchError("USAGE", "There is no log to read.", {
      hint: "anyarch explain build.log, or docker buildx build --progress=plain . 2>&1 | anyarch explain",
    });
  }
  const files = names.length === 0 ? ["-"] : names;
  return files.map((name) =>
    name === "-"
      ? { name: "standard input", source: { stream: process.stdin } }
      : { name, source: { file: name } },
  );
}

/** Of several logs one list, each diagnosis with its file. */
function joined(reports: readonly { readonly name: string; readonly report: ExplainReport }[]): unknown {
  const [only] = reports;
  if (only !== undefined && reports.length === 1) return only.report;
  return {
    schema: "anyarch.explain/v1",
    diagnoses: reports.flatMap(({ name, report }) =>
      report.diagnoses.map((diagnosis) => ({ file: name, ...diagnosis })),
    ),
  };
}
