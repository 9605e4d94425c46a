import type { BuildOptions } from "./build-options.ts";
import type { RawBuild, RawConfig } from "./config-schema.ts";

function list(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === "string" ? [value] : value;
}

/** Only what is given, so that a spread over defaults keeps them. */
function onlyGiven<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never;
}

/** The tables [build], [platforms], [builders] and [python] as options. */
export function buildSection(raw: RawBuild, config: RawConfig): BuildOptions {
  return onlyGiven({
    context: raw.context,
    tags: list(raw.tag),
    platforms: list(raw.platform),
    baseImage: raw.base_image,
    includeDeps: raw.include_deps,
    requirements: raw.requirements ?? raw.requirements_file,
    extras: raw.extras,
    groups: raw.groups,
    push: raw.push,
    outputs: list(raw.output),
    registry: config.registry?.url,
    env: strings(raw.env),
    labels: strings(raw.labels),
    annotations: strings(raw.annotations),
    entrypoint: raw.entrypoint,
    cmd: raw.cmd,
    user: raw.user,
    workdir: raw.workdir,
    ports: raw.ports?.map(String),
    volumes: raw.volumes,
    stopSignal: raw.stop_signal,
    healthcheck: raw.healthcheck === undefined ? undefined : healthcheck(raw.healthcheck),
    fallback: raw.fallback,
    sourceDateEpoch: raw.source_date_epoch,
    reproducible: raw.reproducible,
    jobs: raw.jobs,
    verify: raw.verify,
    compression: raw.compression,
    cache: raw.use_cache,
    engine: raw.engine,
    ...dockerfileSection(raw),
    platformOptions: platformSections(config.platforms),
    builders: builders(config.builders),
    pythonBuildImage: config.python?.build_image,
    pythonBuildPackages: config.python?.build_packages,
  });
}

function healthcheck(raw: NonNullable<RawBuild["healthcheck"]>): NonNullable<BuildOptions["healthcheck"]> {
  const { start_period: startPeriod, ...rest } = raw;
  return { ...rest, ...(startPeriod !== undefined && { startPeriod }) };
}

function dockerfileSection(raw: RawBuild) {
  const perPlatform = raw.platform_args && Object.entries(raw.platform_args);
  return {
    file: raw.dockerfile,
    target: raw.target,
    buildArgs: strings(raw.build_args),
    platformBuildArgs:
      perPlatform && Object.fromEntries(perPlatform.map(([name, args]) => [name, strings(args) ?? {}])),
    namedContexts: raw.build_contexts,
    secrets: raw.secrets,
    ssh: list(raw.ssh),
    cacheFrom: list(raw.cache_from),
    cacheTo: list(raw.cache_to),
    pull: raw.pull,
    network: raw.network,
    provenance: raw.provenance,
    sbom: raw.sbom,
    emulation: raw.emulation,
    load: raw.load,
    temporaryTags: raw.temporary_tags,
    retries: raw.retries,
    timeout: raw.timeout,
    silenceLimit: raw.silence_limit,
    crashSilence: raw.crash_silence,
  };
}

function platformSections(raw: RawConfig["platforms"]): BuildOptions["platformOptions"] {
  return (
    raw &&
    Object.fromEntries(
      Object.entries(raw).map(([names, { base_image: baseImage, optional, ...values }]) => [
        names,
        onlyGiven({
          env: strings(values.env),
          labels: strings(values.labels),
          buildArgs: strings(values.build_args),
          baseImage,
          optional,
        }),
      ]),
    )
  );
}

/** As --builder has them: "linux/arm64=ssh://…"; the key "all" is for builders that aren't bound to platforms. */
function builders(raw: RawConfig["builders"]): readonly string[] | undefined {
  return (
    raw &&
    Object.entries(raw).flatMap(([platforms, value]) => {
      const endpoints = typeof value === "object" && "endpoint" in value ? value.endpoint : value;
      return (list(endpoints) ?? []).map((endpoint) =>
        platforms === "all" ? endpoint : `${platforms}=${endpoint}`,
      );
    })
  );
}

/** TOML users write PORT = 8000; in an image everything is text. */
function strings(
  values: Readonly<Record<string, string | number | boolean>> | undefined,
): Record<string, string> | undefined {
  return values && Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
