import { copy } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { collect, countFromOne, credentialFlags, outputFlags } from "../flags.ts";
import { showCopyResult } from "../render/copy-result.ts";
import { withProgress } from "../render/renderer.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument("<from>", "registry reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE")
      .argument("<to...>", "the same; several destinations get the same digest")
      .option("-p, --platform <list>", "only these platforms: a new index of what remains", collect)
      .option("-j, --jobs <n>", "blobs at once", countFromOne, 4)
      .option("--username <name>", "user for the registries named")
      .option("--password-stdin", "read that user's password from standard input"),
  async run([from, to], flags, io) {
    const output = outputFlags(flags);
    const options = {
      jobs: Number(flags["jobs"]),
      ...(flags["platform"] !== undefined && { platforms: flags["platform"] as readonly string[] }),
    };
    const settings = { signal: io.signal, ...(await credentialFlags(flags, io)) };
    const report = await withProgress(io.terminal, output, (emit) =>
      copy(String(from), to as readonly string[], options, { ...settings, emit }),
    );
    showCopyResult(io.terminal, report, output);
    return 0;
  },
};
