import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { systemReason } from "../../errors/system-error.ts";
import { AnyarchError, ciWorkflow, type CiWorkflow } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { collect, outputFlags } from "../flags.ts";
import type { Terminal } from "../terminal.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument("<service>", "github or gitlab")
      .argument("[path]", "directory of the application; with a Dockerfile, the context")
      .option("-t, --tag <ref>", "name:tag of the image; repeatable (default the repository's own)", collect)
      .option("-p, --platform <list>", "platforms (default linux/amd64,linux/arm64)", collect)
      .option("-f, --file <path>", "Dockerfile to build")
      .option("--mode <name>", "native (default), matrix, qemu or single")
      .option("--optional <list>", "platforms without which the image is published, too; repeatable", collect)
      .option("--runner <platform=label[,label]>", "runner of a platform; repeatable", collect)
      .option("--branch <name>", "branch whose pushes start it (default main); repeatable", collect)
      .option("--no-test", "don't try the image on its platforms")
      .option("--anyarch <version>", "version of anyarch to install (default this one)")
      .option("-c, --config <file>", "configuration file instead of anyarch.toml or pycontainer.toml")
      .option("-o, --output <file>", "where to write it, - for standard output (default the service's place)")
      .option("--force", "write over a file that anyarch hasn't made"),
  async run([service, path], flags, io) {
    const output = outputFlags(flags);
    if (service !== "github" && service !== "gitlab")
      throw new AnyarchError("USAGE", `"ci ${String(service)}": anyarch knows github and gitlab.`);
    const { config } = flags;
    const settings = { signal: io.signal, ...(typeof config === "string" && { config }) };
    const given = Object.entries(optionOf).flatMap(([flag, option]) =>
      flags[flag] === undefined ? [] : [[option, flags[flag]] as const],
    );
    const context = typeof path === "string" ? { context: path } : {};
    const workflow = await ciWorkflow({ service, ...context, ...Object.fromEntries(given) }, settings);
    const target = flags["output"];
    if (target === "-" && output.format === "text") {
      io.terminal.out(workflow.text);
      return 0;
    }
    const file = typeof target === "string" ? resolve(target) : workflow.path;
    if (target !== "-") await write(file, workflow, flags["force"] === true);
    if (output.format === "json") io.terminal.out(`${JSON.stringify({ ...workflow, path: file })}\n`);
    else if (!output.quiet) show(io.terminal, file, workflow);
    return 0;
  },
};

const optionOf: Readonly<Record<string, string>> = {
  tag: "tags",
  platform: "platforms",
  file: "file",
  mode: "mode",
  optional: "optional",
  runner: "runners",
  branch: "branches",
  test: "test",
  anyarch: "version",
};

/** Throws OUTPUT_UNWRITABLE, and USAGE where somebody's own file would be lost. */
async function write(file: string, { text, marker }: CiWorkflow, force: boolean): Promise<void> {
  try {
    if (!force && existsSync(file) && !readFileSync(file, "utf8").startsWith(`# ${marker}`)) {
      throw new AnyarchError("USAGE", `${file} is there, and anyarch hasn't made it.`, {
        hint: "Name another file with --output (- prints it), or write over it with --force.",
      });
    }
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  } catch (error) {
    if (error instanceof AnyarchError) throw error;
    throw new AnyarchError("OUTPUT_UNWRITABLE", `${file} can't be written: ${systemReason(error)}.`, {
      cause: error,
    });
  }
}

function show(terminal: Terminal, file: string, { platforms }: CiWorkflow): void {
  terminal.out(`${terminal.paint("out", "bold", relative(process.cwd(), file))}\n`);
  for (const { platform, runner, emulated, optional } of platforms) {
    const how = `${emulated ? "emulated" : "native"}${optional ? ", optional" : ""}`;
    terminal.out(`  ${platform} on ${runner.join(", ")} (${how})\n`);
  }
}
