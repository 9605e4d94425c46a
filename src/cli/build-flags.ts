import { type Command, InvalidArgumentError } from "commander";
import type { BuildOptions } from "../index.ts";
import { collect, countFromOne, keyValue, wholeNumber } from "./flags.ts";

/** The flags of `build`, in the order of its help. */
export function declareBuildFlags(cli: Command): Command {
  return dockerfileFlags(imageFlags(buildFlags(cli)));
}

function buildFlags(cli: Command): Command {
  return cli
    .option("-t, --tag <ref>", "name:tag of the image; repeatable", collect)
    .option(
      "-p, --platform <list>",
      'os/arch[/variant], comma-separated or repeated; "linux/arm64?" may be missing; "all", "local" (default)',
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
    .option("--engine <name>", "auto: buildkit where there is a Dockerfile, else assemble")
    .option("--push", "push to the registries of the tags")
    .option(
      "-o, --output <location>",
      "oci:DIR, oci-archive:FILE, docker-archive:FILE, docker://REF; repeatable (default oci:dist/image)",
      collect,
    )
    .option(
      "--fallback <mode>",
      "none: all platforms or nothing; available: those that can be built, exit code 3; emulate: where a native builder fails",
    )
    .option(
      "--verify <what>",
      "prove the layers made here (app), the base too (full), or of a Dockerfile nothing (none)",
    )
    .option("--dry-run", "print the plan and do nothing")
    .option("-c, --config <file>", "configuration file instead of anyarch.toml or pycontainer.toml")
    .option(
      "-j, --jobs <n>",
      "downloads, layers, uploads, or platforms of a Dockerfile, at once",
      countFromOne,
    )
    .option("--update-lock", "resolve a Debian base anew instead of what anyarch.lock pins")
    .option("--no-cache", "make every layer anew; of a Dockerfile, run every instruction")
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

function dockerfileFlags(cli: Command): Command {
  return cli
    .option("-f, --file <path>", "Dockerfile to build (default Dockerfile or Containerfile of the context)")
    .option("--target <stage>", "stage to build (default the last)")
    .option(
      "--build-arg <[platform=]key=value>",
      "build argument, for all or one platform; repeatable",
      buildArg,
    )
    .option(
      "--build-context <name=source>",
      "further context: directory, docker-image://REF; repeatable",
      keyValue,
    )
    .option("--secret <spec>", "id=NAME,src=FILE or id=NAME,env=VARIABLE; repeatable", collect)
    .option("--ssh <spec>", "default, default=SOCKET or ID=KEYFILE; repeatable", collect)
    .option("--cache-from <spec>", "as for docker buildx, of each platform its own; repeatable", collect)
    .option("--cache-to <spec>", "as above", collect)
    .option("--pull", "ask the registry for newer base images")
    .option("--network <mode>", "of RUN instructions: default, none or host")
    .option("--provenance [value]", "attestation of how it was built: true, false, mode=max")
    .option("--sbom [value]", "attestation of what is in it: true, false, generator=IMAGE")
    .option(
      "--builder <[platform=]endpoint>",
      "ssh://HOST, tcp://HOST:PORT, unix:///PATH, docker-container://NAME, kube-pod://NAME, a docker context or buildx builder; repeatable, best first",
      collect,
    )
    .option("--no-emulation", "refuse platforms that only emulation could build")
    .option("--load", "load the image into the docker or podman that is here")
    .option("--temporary-tags", "push platforms under tags that are removed at the end, not by digest only")
    .option("--retries <n>", "tries per builder after transient faults (default 2)", wholeNumber)
    .option("--timeout <duration>", "for one platform on one builder: 45m")
    .option("--silence-limit <duration>", "end a build without a sign of life for so long: 10m")
    .option("--crash-silence <duration>", "the same for a step in which an emulator crashed (default 30s)");
}

interface BuildArgs {
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly platformBuildArgs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Gathers KEY=VALUE and PLATFORM=KEY=VALUE; a bare KEY that the environment lacks isn't given, as docker has it. */
function buildArg(text: string, previous: BuildArgs | undefined): BuildArgs {
  const { buildArgs, platformBuildArgs } = previous ?? { buildArgs: {}, platformBuildArgs: {} };
  const [, platform, pair = ""] = /^(?:([^=]*\/[^=]*)=)?(.*)$/s.exec(text) ?? [];
  const name = /^[^=]*/.exec(pair)?.[0] ?? "";
  if (name === "") throw new InvalidArgumentError("it must be KEY=VALUE or PLATFORM=KEY=VALUE.");
  const value = name === pair ? process.env[name] : pair.slice(name.length + 1);
  const args = value === undefined ? {} : { [name]: value };
  if (platform === undefined) return { buildArgs: { ...buildArgs, ...args }, platformBuildArgs };
  const ofPlatform = { ...platformBuildArgs[platform], ...args };
  return { buildArgs, platformBuildArgs: { ...platformBuildArgs, [platform]: ofPlatform } };
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
  engine: "engine",
  file: "file",
  target: "target",
  buildContext: "namedContexts",
  secret: "secrets",
  ssh: "ssh",
  cacheFrom: "cacheFrom",
  cacheTo: "cacheTo",
  pull: "pull",
  network: "network",
  provenance: "provenance",
  sbom: "sbom",
  builder: "builders",
  load: "load",
  temporaryTags: "temporaryTags",
  retries: "retries",
  timeout: "timeout",
  silenceLimit: "silenceLimit",
  crashSilence: "crashSilence",
};

/** What was said on the command line, and nothing else, as options of the API. */
export function buildOptions(
  path: string | undefined,
  flags: Readonly<Record<string, unknown>>,
): BuildOptions {
  const options: Record<string, unknown> = {};
  if (path !== undefined) options["context"] = path;
  for (const [flag, option] of Object.entries(optionOf)) {
    if (flags[flag] !== undefined) options[option] = flags[flag];
  }
  // commander makes true the default of a --no-x flag; only false was said by the user.
  if (flags["cache"] === false) options["cache"] = false;
  if (flags["reproducible"] === false) options["reproducible"] = false;
  if (flags["emulation"] === false) options["emulation"] = false;
  if (flags["buildArg"] !== undefined) Object.assign(options, onlyFilled(flags["buildArg"] as BuildArgs));
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

function onlyFilled(args: BuildArgs): Partial<BuildArgs> {
  return Object.fromEntries(Object.entries(args).filter(([, values]) => Object.keys(values).length > 0));
}
