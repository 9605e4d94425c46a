import { AnyarchError, check, type CheckOptions, type CheckReport } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { collect, outputFlags } from "../flags.ts";

const formats = ["text", "json", "sarif", "github"] as const;
const levels = ["error", "warning", "info", "none"] as const;

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument(
        "[path...]",
        "Dockerfiles, compose and bake files, directories with them, or - for standard input",
      )
      .option(
        "-p, --platform <list>",
        "targets that matter (linux/amd64 and linux/arm64 by default)",
        collect,
      )
      .option(
        "--context <dir>",
        "the build's context; else what a compose file says, or the nearest with what COPY names",
      )
      .option("--fail-on <level>", "exit with 1 from this severity on: error, warning, info or none", "error")
      .option("--skip <rule>", "leave out a rule; repeatable", collect)
      .option("--online", "also ask registries for the platforms of images, and servers for files")
      .option("--baseline <file>", "findings in this file are put up with")
      .option("--update-baseline", "write that file with what is found now")
      .option("--fix", "apply changes that leave the native build as it is, and print them as a diff")
      .option("--dry-run", "with --fix: only print")
      .addHelpText("after", "\n--format also takes sarif and github."),
  async run([paths], flags, io) {
    const format = oneOf(flags["format"], formats, "--format");
    const level = oneOf(flags["failOn"], levels, "--fail-on");
    outputFlags({ ...flags, format: format === "json" ? "json" : "text" });
    const { terminal } = io;
    const named = (paths ?? []) as readonly string[];
    const report = await check(await optionsOf(named, flags, io), { signal: io.signal });
    if (format === "json") terminal.out(`${JSON.stringify(report)}\n`);
    else if (format === "sarif") {
      const { sarifOf } = await import("../render/sarif.ts");
      terminal.out(`${JSON.stringify(await sarifOf(report), undefined, 2)}\n`);
    } else if (format === "github") {
      const { githubLines } = await import("../render/github.ts");
      terminal.out(githubLines(report));
    } else {
      const { showFindings } = await import("../render/check-findings.ts");
      showFindings(terminal, report, { verbose: flags["verbose"] === true, quiet: flags["quiet"] === true });
    }
    return exitCode(report, level);
  },
};

async function optionsOf(
  paths: readonly string[],
  flags: Readonly<Record<string, unknown>>,
  io: { readStdin(): Promise<string> },
): Promise<CheckOptions> {
  const { platform, skip, baseline, context } = flags;
  if (flags["dryRun"] === true && flags["fix"] !== true)
    throw new AnyarchError("USAGE", "--dry-run belongs to --fix.");
  return {
    paths,
    ...(paths.includes("-") && { stdin: await io.readStdin() }),
    ...(platform !== undefined && { platforms: platform as readonly string[] }),
    ...(skip !== undefined && { skip: skip as readonly string[] }),
    ...(typeof context === "string" && { contextDirectory: context }),
    ...(typeof baseline === "string" && { baseline }),
    online: flags["online"] === true,
    updateBaseline: flags["updateBaseline"] === true,
    fix: flags["fix"] === true,
    dryRun: flags["dryRun"] === true,
  };
}

function oneOf<T extends string>(value: unknown, choices: readonly T[], flag: string): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new AnyarchError("USAGE", `${flag} is "${String(value)}", not one of ${choices.join(", ")}.`);
}

function exitCode({ findings }: CheckReport, level: (typeof levels)[number]): number {
  const rank = levels.indexOf(level);
  return level !== "none" && findings.some(({ severity }) => levels.indexOf(severity) <= rank) ? 1 : 0;
}
