import { copy } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { credentialFlags, outputFlags } from "../flags.ts";
import { showCopyResult } from "../render/copy-result.ts";
import { withProgress } from "../render/renderer.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument("<reference...>", "where to push to: host/name:tag; several get the same digest")
      .option(
        "--from <location>",
        "what to push; the layout's entry with the reference's tag, else its newest",
        "oci:dist/image",
      )
      .option("--username <name>", "user for the registries named")
      .option("--password-stdin", "read that user's password from standard input"),
  async run([references], flags, io) {
    const output = outputFlags(flags);
    const destinations = (references as readonly string[]).map((reference) => `docker://${reference}`);
    const settings = { signal: io.signal, ...(await credentialFlags(flags, io)) };
    const report = await withProgress(io.terminal, output, (emit) =>
      copy(String(flags["from"]), destinations, {}, { ...settings, emit }),
    );
    showCopyResult(io.terminal, report, output);
    return 0;
  },
};
