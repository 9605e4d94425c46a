import type { Command } from "commander";
import { AnyarchError, build, type BuildOptions, planBuild, type ApiSettings } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { withProgress } from "../render/renderer.ts";
import { collect, countFromOne, credentialFlags, keyValue, outputFlags, wholeNumber } from "../flags.ts";

interface BuildFlags extends Record<string, unknown> {
  readonly config?: string;
  readonly context?: string;
  readonly cacheDir?: string;
  readonly dryRun?: boolean;
  readonly metadataFile?: string;
  readonly iidfile?: string;
}

export const command: CommandModule = {
  configure: (cli) => imageFlags(buildFlags(cli.argument("[path]", "directory of the application"))),
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
    const { checkResultFiles, writeResultFiles } = await import("../result-files.ts");
    checkResultFiles(flags);
    const result = await withProgress(io.terminal, output, (emit) => build(options, { ...settings, emit }));
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

function buildFlags(cli: Command): Command {
  return cli
    .option("-t, --tag <ref>", "name:tag of the image; repeatable", collect)
    .option(
      "-p, --platform <list>",
      'os/arch[/variant], comma-separated or repeated; "all", "local" (default)',
      collect,
    )
    .option(
      "-b, --base-image <ref>",
      "registry reference, deb:SUITE/PACKAGE,…, scratch, oci:DIR, oci-archive:FILE, docker-archive:FILE",
    )
    .option("--include-deps", "install the dependencies (default)")
    .option("--no-include-deps", "leave the dependencies out")
    .option("--requirements <file>", "requirements or lock file to use instead of the one found")
    .option("--extra <name>", "optional dependencies to include; repeatable", collect)
    .option("--group <name>", "dependency group to include; repeatable", collect)
    .option("--push", "push to the registries of the tags")
    .option(
      "-o, --output <location>",
      "oci:DIR, oci-archive:FILE, docker-archive:FILE, docker://REF; repeatable (default oci:dist/image)",
      collect,
    )
    .option(
      "--fallback <mode>",
      "none: all platforms or nothing; available: those that can be built, exit code 3",
    )
    .option("--verify <what>", "prove the layers made here (app) or the base too (full)")
    .option("--dry-run", "print the plan and do nothing")
    .option("-c, --config <file>", "configuration file instead of anyarch.toml or pycontainer.toml")
    .option("-j, --jobs <n>", "downloads, layers and uploads at once", countFromOne)
    .option("--update-lock", "resolve a Debian base anew instead of what anyarch.lock pins")
    .option("--no-cache", "make every layer anew")
    .option("--cache-dir <dir>", "where downloads and layers are kept (default $ANYARCH_CACHE_DIR)")
    .option("--context <dir>", "the same as the argument PATH")
    .option("--compression <kind>", "gzip or zstd")
    .option("--source-date-epoch <seconds>", "time of everything in the image", wholeNumber)
    .option("--no-reproducible", "put the time of the build into the image")
    .option("--metadata-file <file>", "write digests and platforms as JSON")
    .option("--iidfile <file>", "write the digest")
    .option("--registry <prefix>", "registry and path for tags without one")
    .option("--username <name>", "user for the registries of the tags")
    .option("--password-stdin", "read that user's password from standard input");
}

function imageFlags(cli: Command): Command {
  return cli
    .option("-e, --env <key=value>", "environment variable; repeatable", keyValue)
    .option("-l, --label <key=value>", "label; repeatable", keyValue)
    .option("--annotation <key=value>", "annotation; repeatable", keyValue)
    .option("--entrypoint <command>", "entry point: words or a JSON array")
    .option("--cmd <command>", "default arguments: words or a JSON array")
    .option("-u, --user <user>", "user[:group] to run as")
    .option("-w, --workdir <path>", "where the application lives (default /app)")
    .option("--port <port>", "exposed port; repeatable", collect)
    .option("--volume <path>", "volume; repeatable", collect)
    .option("--stop-signal <signal>", "signal that stops the container")
    .option("--healthcheck-cmd <command>", "health check, run by the image's shell")
    .option("--healthcheck-interval <duration>", "30s, 1m30s")
    .option("--healthcheck-timeout <duration>", "as above")
    .option("--healthcheck-start-period <duration>", "as above")
    .option("--healthcheck-retries <n>", "failures until unhealthy", countFromOne);
}

/** Flag names as commander gives them → options of the API; what was not given stays absent. */
const optionOf: Readonly<Record<string, keyof BuildOptions>> = {
  tag: "tags",
  platform: "platforms",
  baseImage: "baseImage",
  includeDeps: "includeDeps",
  requirements: "requirements",
  extra: "extras",
  group: "groups",
  push: "push",
  output: "outputs",
  fallback: "fallback",
  verify: "verify",
  jobs: "jobs",
  updateLock: "updateLock",
  compression: "compression",
  sourceDateEpoch: "sourceDateEpoch",
  registry: "registry",
  env: "env",
  label: "labels",
  annotation: "annotations",
  entrypoint: "entrypoint",
  cmd: "cmd",
  user: "user",
  workdir: "workdir",
  port: "ports",
  volume: "volumes",
  stopSignal: "stopSignal",
};

function buildOptions(path: string | undefined, flags: BuildFlags): BuildOptions {
  const options: Record<string, unknown> = {};
  if (path !== undefined) options["context"] = path;
  for (const [flag, option] of Object.entries(optionOf)) {
    if (flags[flag] !== undefined) options[option] = flags[flag];
  }
  // commander makes true the default of a --no-x flag; only false was said by the user.
  if (flags["cache"] === false) options["cache"] = false;
  if (flags["reproducible"] === false) options["reproducible"] = false;
  if (flags["healthcheckCmd"] !== undefined) {
    options["healthcheck"] = {
      cmd: flags["healthcheckCmd"],
      ...(flags["healthcheckInterval"] !== undefined && { interval: flags["healthcheckInterval"] }),
      ...(flags["healthcheckTimeout"] !== undefined && { timeout: flags["healthcheckTimeout"] }),
      ...(flags["healthcheckStartPeriod"] !== undefined && { startPeriod: flags["healthcheckStartPeriod"] }),
      ...(flags["healthcheckRetries"] !== undefined && { retries: flags["healthcheckRetries"] }),
    };
  }
  return options;
}
