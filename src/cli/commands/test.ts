import { AnyarchError, test, type TestOptions } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { collect, keyValue, outputFlags, wholeNumber } from "../flags.ts";
import { defaultImage, givenImage } from "../default-image.ts";
import { givenEnvironment } from "../env-file.ts";
import { withProgress } from "../render/renderer.ts";
import { engineFlags, engineOptions } from "../engine-flags.ts";

export const command: CommandModule = {
  configure: (cli) =>
    engineFlags(cli)
      .argument("[image]", "registry reference, oci:DIR[:TAG], archive or layout", defaultImage)
      .option("-p, --platform <list>", "all, or only these", collect)
      .option("-c, --command <command>", "has to exit with 0; repeatable", collect)
      .option("--file <path>", "has to be in the image; repeatable", collect)
      .option("--port <number>", "the image's own command has to listen on it; repeatable", numbers)
      .option("--http <PORT[/PATH]>", "has to answer with a status below 400; repeatable", collect)
      .option("--expect-arch", "uname -m has to be the platform's (default)")
      .option("--no-expect-arch", "don't look at it")
      .option("-e, --env <K=V>", "environment variable; repeatable", keyValue)
      .option("--env-file <file>", "environment variables, KEY=VALUE on each line; repeatable", collect)
      .option("--network <name>", "host: the container shares this machine's network, as with runc")
      .option("--ready-timeout <duration>", "until ports and HTTP answer (60s)")
      .option("--timeout <duration>", "for each command (120s)"),
  async run([image], flags, io) {
    const output = outputFlags(flags);
    const options = optionsOf(flags);
    const location = givenImage(image);
    const report = await withProgress(io.terminal, output, (emit) =>
      test(location, options, { signal: io.signal, emit }),
    );
    if (output.format === "json") io.terminal.out(`${JSON.stringify(report)}\n`);
    else (await import("../render/test-report.ts")).showTestReport(io.terminal, report);
    return report.ok ? 0 : 1;
  },
};

function numbers(text: string, previous: readonly number[] | undefined): readonly number[] {
  return [...(previous ?? []), wholeNumber(text)];
}

function optionsOf(flags: Readonly<Record<string, unknown>>): TestOptions {
  const { platform, command: commands, file, port, http, expectArch, network, readyTimeout, timeout } = flags;
  const given: Readonly<Record<string, unknown>> = {
    platforms: platform,
    commands,
    files: file,
    ports: port,
    http: (http as readonly string[] | undefined)?.map(httpCheck),
    expectArch,
    env: givenEnvironment(flags),
    network,
    readyTimeout,
    timeout,
  };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...engineOptions(flags), ...options };
}

function httpCheck(text: string): { readonly port: number; readonly path: string } {
  const match = /^:?(\d{1,5})(\/.*)?$/.exec(text);
  if (match === null)
    throw new AnyarchError("USAGE", `--http "${text}" isn't PORT or PORT/PATH, as in 8000/health.`);
  return { port: Number(match[1]), path: match[2] ?? "/" };
}
