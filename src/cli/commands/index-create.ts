import { AnyarchError, createIndex } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { credentialFlags, keyValue, outputFlags } from "../flags.ts";
import { showCopyResult } from "../render/copy-result.ts";
import { withProgress } from "../render/renderer.ts";

/** `anyarch index create TARGET SOURCE…`; further actions will stand beside it. */
export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument("<action>", "create")
      .argument("<target>", "name:tag of the index")
      .argument("<source...>", "images or indexes to put into it, one or more per platform")
      .option("--annotation <key=value>", "annotation of the index; repeatable", keyValue)
      .option("--username <name>", "user for the registries named")
      .option("--password-stdin", "read that user's password from standard input"),
  async run([action, target, sources], flags, io) {
    if (action !== "create") {
      throw new AnyarchError("USAGE", `"index ${String(action)}" is no command.`, {
        hint: "anyarch index create TARGET SOURCE…",
      });
    }
    const output = outputFlags(flags);
    const settings = { signal: io.signal, ...(await credentialFlags(flags, io)) };
    const options =
      flags["annotation"] === undefined ? {} : { annotations: flags["annotation"] as Record<string, string> };
    const report = await withProgress(io.terminal, output, (emit) =>
      createIndex(String(target), sources as readonly string[], options, { ...settings, emit }),
    );
    showCopyResult(io.terminal, report, output);
    return 0;
  },
};
