import { resolve } from "node:path";
import type { AssembleOptions } from "../assemble/assemble.ts";
import type { DockerfileBuildOptions } from "../buildkit/build-options.ts";
import type { DockerfileBuildResult } from "../buildkit/build-result.ts";
import type { DockerfilePlan } from "../buildkit/dockerfile-plan.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { BuildOptions } from "../plan/build-options.ts";
import type { BuildPlan } from "../plan/build-plan.ts";
import type { BuildRequest } from "../plan/build-request.ts";
import type { AssembledResult } from "../plan/build-result.ts";
import type { ConfigFile } from "../plan/config-file.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import type { BuildkitWheels } from "./wheel-builder.ts";
import { type ApiSettings, configFor, storeOptions, withContext } from "./settings.ts";

/** What a build made; `plan.engine` tells by which engine. */
export type BuildResult = AssembledResult | DockerfileBuildResult;

/**
 * Builds an image for the platforms asked for, proves and publishes it: a Dockerfile on the best builder for each
 * platform, an application without one by assembling it. Throws AnyarchError; where optional platforms or
 * `fallback: "available"` allow it, platforms may be missing: see `omitted` in the result.
 */
export function build(
  options: BuildOptions & { readonly engine: "assemble" },
  settings?: ApiSettings,
): Promise<AssembledResult>;
export function build(
  options: BuildOptions & { readonly engine: "buildkit" },
  settings?: ApiSettings,
): Promise<DockerfileBuildResult>;
export function build(options?: BuildOptions, settings?: ApiSettings): Promise<BuildResult>;
export function build(options: BuildOptions = {}, settings: ApiSettings = {}): Promise<BuildResult> {
  return withContext(settings, async (ctx) => {
    const prepared = await prepare(options, settings, ctx);
    if (prepared.engine === "buildkit") return runDockerfile(prepared, ctx);
    const { assemble } = await import("../assemble/assemble.ts");
    return assembling(prepared, assemble, ctx);
  });
}

/** What {@link build} would do, without doing it: nothing is built and nothing of the application is downloaded. */
export function planBuild(
  options: BuildOptions & { readonly engine: "assemble" },
  settings?: ApiSettings,
): Promise<BuildPlan>;
export function planBuild(
  options: BuildOptions & { readonly engine: "buildkit" },
  settings?: ApiSettings,
): Promise<DockerfilePlan>;
export function planBuild(
  options?: BuildOptions,
  settings?: ApiSettings,
): Promise<BuildPlan | DockerfilePlan>;
export function planBuild(
  options: BuildOptions = {},
  settings: ApiSettings = {},
): Promise<BuildPlan | DockerfilePlan> {
  return withContext(settings, async (ctx) => {
    const prepared = await prepare(options, settings, ctx);
    if (prepared.engine === "buildkit") return planDockerfileBuild(prepared, ctx);
    const { planAssembly } = await import("../assemble/assemble.ts");
    return assembling(prepared, planAssembly, ctx);
  });
}

/** The daemonless engine, with BuildKit at hand for what it can't do: to compile for a target. */
async function assembling<T>(
  { request, options }: PreparedAssembly,
  work: (request: BuildRequest, options: AssembleOptions, ctx: Context) => Promise<T>,
  ctx: Context,
): Promise<T> {
  await using wheelBuilder = await wheelsFor(request, options);
  return await work(request, { ...options, wheelBuilder }, ctx);
}

/** By itself, because TypeScript doesn't rewrite the path of an import() beside `using`. */
async function wheelsFor(request: BuildRequest, { stores }: AssembleOptions): Promise<BuildkitWheels> {
  const { BuildkitWheels: Wheels } = await import("./wheel-builder.ts");
  return new Wheels(request.nativeBuilds, stores);
}

/** Whoever forgot to log in shall not wait for a build to learn it. */
async function runDockerfile(
  { request, options }: PreparedDockerfile,
  ctx: Context,
): Promise<DockerfileBuildResult> {
  const [{ buildDockerfile }, { checkPush }, { runTogether }] = await Promise.all([
    import("../buildkit/build-dockerfile.ts"),
    import("../stores/publish.ts"),
    import("../host/concurrency.ts"),
  ]);
  try {
    const [result] = await runTogether<DockerfileBuildResult | undefined>(ctx, [
      (shared) => buildDockerfile(request, options, shared),
      async (shared) => {
        await checkPush(request.push ? request.tags : [], options.stores, shared);
        return undefined;
      },
    ]);
    if (result === undefined) throw new AnyarchError("INTERNAL", "The build ended without a result.");
    return result;
  } catch (error) {
    throw await (await import("./failure-environment.ts")).withEnvironment(error, ctx);
  }
}

async function planDockerfileBuild(
  { request, options }: PreparedDockerfile,
  ctx: Context,
): Promise<DockerfilePlan> {
  const { planDockerfile } = await import("../buildkit/build-dockerfile.ts");
  return planDockerfile(request, options, ctx);
}

interface PreparedDockerfile {
  readonly engine: "buildkit";
  readonly request: DockerfileRequest;
  readonly options: DockerfileBuildOptions;
}

interface PreparedAssembly {
  readonly engine: "assemble";
  readonly request: BuildRequest;
  readonly options: AssembleOptions;
}

type Prepared = PreparedDockerfile | PreparedAssembly;

async function prepare(options: BuildOptions, settings: ApiSettings, ctx: Context): Promise<Prepared> {
  const [{ chooseEngine }, { remoteContext }] = await Promise.all([
    import("../plan/engine.ts"),
    import("../plan/dockerfile-sources.ts"),
  ]);
  const { cwd, arch, env } = ctx.host;
  const directory = remoteContext(options.context) === undefined ? (options.context ?? ".") : ".";
  const config = await configFor(settings, resolve(cwd, directory), cwd);
  const environment = { cwd, arch, env, now: ctx.host.now() };
  const { engine, notes } = await chooseEngine(options, config, environment, isApplication);
  for (const message of notes) ctx.emit({ type: "log", level: "info", message });
  if (engine === "buildkit") {
    const { parseDockerfileRequest } = await import("../plan/dockerfile-request.ts");
    const { checkOutputs } = await import("../stores/locations.ts");
    const request = parseDockerfileRequest(options, config, environment);
    checkOutputs(request.outputs, cwd);
    // Builders log in with what is on this machine's disk: credentials that were handed over they don't have.
    const pushFrom = settings.credentials === undefined ? request.pushFrom : "here";
    const stores = await storesFor(request, config, settings);
    return { engine, request: { ...request, ...(pushFrom && { pushFrom }) }, options: { stores } };
  }
  const { parseBuildRequest } = await import("../plan/build-request.ts");
  const request = parseBuildRequest(options, config, environment);
  const stores = await storesFor(request, config, settings);
  return {
    engine,
    request,
    options: { stores, debian: config?.debian, verifyAllow: config?.verifyAllow ?? [] },
  };
}

async function isApplication(directory: string): Promise<boolean> {
  const { knowsApp } = await import("../apps/app-types.ts");
  return knowsApp(directory);
}

async function storesFor(
  request: Pick<BuildRequest, "tags">,
  config: ConfigFile | undefined,
  settings: ApiSettings,
): Promise<DockerfileBuildOptions["stores"]> {
  const { RegistryClient } = await import("../registry/client.ts");
  const stores = storeOptions(config, settings, request.tags);
  // One client for all that a build reads and writes: it keeps connections and tokens.
  return { ...stores, client: new RegistryClient(stores) };
}
