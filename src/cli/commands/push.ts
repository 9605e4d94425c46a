import { copy } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { credentialFlags, outputFlags } from "../flags.ts";
import { showCopyResult } from "../render/copy-result.ts";
import { createRenderer } from "../render/renderer.ts";

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
    const renderer = await createRenderer(io.terminal, output);
    try {
      const destinations = (references as readonly string[]).map((reference) => `docker://${reference}`);
      const result = await copy(
        String(flags["from"]),
        destinations,
        {},
        { signal: io.signal, emit: renderer.emit, ...(await credentialFlags(flags, io)) },
      );
      renderer.close();
      showCopyResult(io.terminal, result, output);
      return 0;
    } finally {
      renderer.close();
    }
  },
};
