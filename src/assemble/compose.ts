import type { AppRunConfig } from "../apps/app-type.ts";
import { appendLayers, type Image, mutateConfig, setAnnotations } from "../image/image.ts";
import type { RunConfig } from "../oci/image-config.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { BuildRequest, RunRequest } from "../plan/build-request.ts";
import type { BuiltLayer } from "./layer-builder.ts";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The base, then the application's layers, then the run configuration: base under application under request. */
export function composeImage(
  base: Image,
  layers: readonly BuiltLayer[],
  run: AppRunConfig,
  request: BuildRequest,
  annotations: Readonly<Record<string, string>>,
): Image {
  const appended = appendLayers(
    base,
    layers.map(({ layer, name }) => ({
      layer,
      history: { created: request.created, created_by: `anyarch: ${name}`, comment: "anyarch.layer.v1" },
    })),
  );
  const own = request.platformOptions[formatPlatform(base.descriptor.platform)];
  const asked = {
    ...request.run,
    env: { ...request.run.env, ...own?.env },
    labels: { ...request.run.labels, ...own?.labels },
  };
  const configured = mutateConfig(appended, (config) => ({
    ...config,
    created: request.created,
    config: runConfig(config.config ?? {}, run, asked),
  }));
  return setAnnotations(configured, annotations);
}

function runConfig(base: RunConfig, app: AppRunConfig, request: RunRequest): RunConfig {
  const { Cmd: _replacedWithTheEntrypoint, ...kept } = base;
  const cmd = request.cmd ?? app.cmd;
  const volumes = keys([...Object.keys(base.Volumes ?? {}), ...request.volumes]);
  const ports = keys([...Object.keys(base.ExposedPorts ?? {}), ...app.ports, ...request.ports]);
  return {
    ...kept,
    Env: mergeEnv(base.Env ?? [], app.env, request.env),
    Entrypoint: app.entrypoint,
    ...(cmd !== undefined && { Cmd: cmd }),
    WorkingDir: app.workdir,
    ...(request.user !== undefined && { User: request.user }),
    ...(Object.keys(ports).length > 0 && { ExposedPorts: ports }),
    ...(Object.keys(volumes).length > 0 && { Volumes: volumes }),
    Labels: { ...base.Labels, ...request.labels },
    ...(request.stopSignal !== undefined && { StopSignal: request.stopSignal }),
    ...(request.healthcheck !== undefined && { Healthcheck: request.healthcheck }),
  };
}

function keys(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Later maps win and keep the place of what they replace. `$PATH` in the application's PATH is the base's. */
function mergeEnv(
  base: readonly string[],
  app: Readonly<Record<string, string>>,
  request: Readonly<Record<string, string>>,
): string[] {
  const merged = new Map<string, string>();
  for (const line of base) {
    const equals = line.indexOf("=");
    merged.set(equals < 0 ? line : line.slice(0, equals), equals < 0 ? "" : line.slice(equals + 1));
  }
  for (const [name, value] of Object.entries(app)) {
    merged.set(name, value.replace("$PATH", merged.get("PATH") || defaultPath));
  }
  for (const [name, value] of Object.entries(request)) merged.set(name, value);
  return [...merged].map(([name, value]) => `${name}=${value}`);
}
