import { relative } from "node:path";
import {
  AnyarchError,
  requirements,
  requirementsMarkdown,
  type RequirementsReport,
  writeRequirements,
} from "../../index.ts";
import type { CommandIO, CommandModule } from "../commands.ts";
import { collect, outputFlags } from "../flags.ts";
import { withProgress } from "../render/renderer.ts";

const formats = ["text", "markdown", "json"] as const;
const defaultFile = "README.md";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument(
        "<location>",
        "registry reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or a layout's directory",
      )
      .option("-p, --platform <list>", "only these platforms", collect)
      .option("--cloud <name>", "only the services of aws, azure or gcp; repeatable", collect)
      .option("--name <ref>", "what commands call the image (default the location, where a registry has it)")
      .option("--write [file]", `put the section into a document (default ${defaultFile})`)
      .option("--check", "exit with 1 where the section of that document isn't up to date")
      .addHelpText("after", "\n--format also takes markdown."),
  async run([location], flags, io) {
    const format = formats.find((candidate) => candidate === flags["format"]);
    if (format === undefined)
      throw new AnyarchError(
        "USAGE",
        `--format is "${String(flags["format"])}", not one of ${formats.join(", ")}.`,
      );
    const output = outputFlags({ ...flags, format: format === "json" ? "json" : "text" });
    const { platform, cloud, name } = flags;
    const options = {
      ...(platform !== undefined && { platforms: platform as readonly string[] }),
      ...(cloud !== undefined && { clouds: cloud as readonly string[] }),
      ...(typeof name === "string" && { name }),
    };
    const report = await withProgress(io.terminal, output, (emit) =>
      requirements(String(location), options, { signal: io.signal, emit }),
    );
    const wantsFile = flags["write"] !== undefined || flags["check"] === true;
    const code = wantsFile ? await document(report, flags, io, format === "json" || output.quiet) : 0;
    if (format === "json") io.terminal.out(`${JSON.stringify(report)}\n`);
    else if (!wantsFile) await print(report, format, io);
    return code;
  },
};

async function print(
  report: RequirementsReport,
  format: "text" | "markdown",
  { terminal }: CommandIO,
): Promise<void> {
  if (format === "markdown") terminal.out(await requirementsMarkdown(report));
  else (await import("../render/requirements.ts")).showRequirements(terminal, report);
}

/** Writes or checks; returns the exit code. */
async function document(
  report: RequirementsReport,
  flags: Readonly<Record<string, unknown>>,
  { terminal, signal }: CommandIO,
  silent: boolean,
): Promise<number> {
  const check = flags["check"] === true;
  const file = typeof flags["write"] === "string" ? flags["write"] : defaultFile;
  const written = await writeRequirements(report, { file, check }, { signal });
  const near = relative(process.cwd(), written.file);
  const name = near.startsWith("..") ? written.file : near;
  if (written.stale && check) {
    terminal.err(
      `${name} doesn't say what ${report.location} needs: the same command without --check, with --write ${name}, puts it right.\n`,
    );
    return 1;
  }
  const what = written.stale ? "written" : "up to date";
  if (!silent) terminal.out(`${terminal.paint("out", "bold", name)}  ${what}\n`);
  return 0;
}
