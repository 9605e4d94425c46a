import { verify } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { collect, outputFlags } from "../flags.ts";
import { withProgress } from "../render/renderer.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument(
        "<location>",
        "registry reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or a layout's directory",
      )
      .option("-p, --platform <list>", "only these platforms", collect)
      .option("--deep", "read every byte again: digests, sizes, diffIDs")
      .option("--base <location>", "the image that this one is made from: its layers aren't proved again")
      .option("--allow <glob>", "files that may be for any machine; repeatable", collect)
      .option(
        "--fail-on <list>",
        "exit with 1 from this severity on (error, warning, info, none), and for these codes (ELF_ISA_LEVEL)",
        collect,
      ),
  async run([location], flags, io) {
    const output = outputFlags(flags);
    const options = {
      deep: flags["deep"] === true,
      ...(flags["platform"] !== undefined && { platforms: flags["platform"] as readonly string[] }),
      ...(flags["allow"] !== undefined && { allow: flags["allow"] as readonly string[] }),
      ...(flags["failOn"] !== undefined && { failOn: flags["failOn"] as readonly string[] }),
      ...(typeof flags["base"] === "string" && { base: flags["base"] }),
    };
    const result = await withProgress(io.terminal, output, (emit) =>
      verify(String(location), options, { signal: io.signal, emit }),
    );
    if (output.format === "json") io.terminal.out(`${JSON.stringify(result)}\n`);
    else {
      const { showVerifyReport } = await import("../render/verify-report.ts");
      showVerifyReport(io.terminal, result, output.verbose);
    }
    return result.failed ? 1 : 0;
  },
};
