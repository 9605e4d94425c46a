import { AnyarchError, type ApiSettings, build, planBuild, toAnyarchError } from "../../index.ts";
import { buildOptions, declareBuildFlags } from "../build-flags.ts";
import type { CommandModule } from "../commands.ts";
import { credentialFlags, outputFlags } from "../flags.ts";
import { withProgress } from "../render/renderer.ts";

/** Those that are of the command line only. */
interface BuildFlags extends Record<string, unknown> {
  readonly config?: string;
  readonly context?: string;
  readonly cacheDir?: string;
  readonly dryRun?: boolean;
  readonly metadataFile?: string;
  readonly iidfile?: string;
}

export const command: CommandModule = {
  configure: (cli) =>
    declareBuildFlags(cli.argument("[path]", "directory of the application; with a Dockerfile, the context")),
  async run([path], flags: BuildFlags, io) {
    const output = outputFlags(flags);
    const settings: ApiSettings = {
      signal: io.signal,
      ...(flags.config !== undefined && { config: flags.config }),
      ...(flags.cacheDir !== undefined && { cacheDir: flags.cacheDir }),
      ...(await credentialFlags(flags, io)),
    };
    const options = buildOptions(applicationPath(path, flags.context), flags);
    if (flags.dryRun === true) {
      const plan = await withProgress(io.terminal, output, (emit) =>
        planBuild(options, { ...settings, emit }),
      );
      const { showPlan } = await import("../render/plan.ts");
      showPlan(io.terminal, plan, output);
      return plan.omitted.length > 0 ? 3 : 0;
    }
    const { checkResultFiles, writeFailure, writeResultFiles } = await import("../result-files.ts");
    checkResultFiles(flags);
    const result = await withProgress(io.terminal, output, (emit) =>
      build(options, { ...settings, emit }),
    ).catch(async (error: unknown) => {
      await writeFailure(toAnyarchError(error), options.tags ?? [], flags);
      throw error;
    });
    await writeResultFiles(result, flags);
    const { showBuildResult } = await import("../render/build-result.ts");
    showBuildResult(io.terminal, result, output);
    return result.omitted.length > 0 ? 3 : 0;
  },
};

/** Throws USAGE where both are given and differ. */
function applicationPath(path: unknown, context: string | undefined): string | undefined {
  if (typeof path !== "string") return context;
  if (context === undefined || context === path) return path;
  throw new AnyarchError("USAGE", `There are two directories of the application: ${path} and ${context}.`, {
    hint: "Give either the argument or --context.",
  });
}
