import { resolve } from "node:path";
import type { AssembleOptions } from "../assemble/assemble.ts";
import type { BuildResult } from "../assemble/build-result.ts";
import type { Context } from "../host/context.ts";
import type { BuildOptions } from "../plan/build-options.ts";
import type { BuildPlan } from "../plan/build-plan.ts";
import type { BuildRequest } from "../plan/build-request.ts";
import type { ConfigFile } from "../plan/config-file.ts";
import { type ApiSettings, configFor, storeOptions, withContext } from "./settings.ts";

/**
 * Assembles, proves and publishes an application's image for the platforms asked for. Throws AnyarchError; with
 * `fallback: "available"` platforms may be missing: see `omitted` in the result.
 */
export function build(options: BuildOptions = {}, settings: ApiSettings = {}): Promise<BuildResult> {
  return withContext(settings, async (ctx) => {
    const { request, assembly } = await prepare(options, settings, ctx);
    const { assemble } = await import("../assemble/assemble.ts");
    return assemble(request, assembly, ctx);
  });
}

/** What {@link build} would do, without doing it: nothing of the application is downloaded. */
export function planBuild(options: BuildOptions = {}, settings: ApiSettings = {}): Promise<BuildPlan> {
  return withContext(settings, async (ctx) => {
    const { request, assembly } = await prepare(options, settings, ctx);
    const { planAssembly } = await import("../assemble/assemble.ts");
    return planAssembly(request, assembly, ctx);
  });
}

async function prepare(
  options: BuildOptions,
  settings: ApiSettings,
  ctx: Context,
): Promise<{ request: BuildRequest; assembly: AssembleOptions }> {
  const { parseBuildRequest } = await import("../plan/build-request.ts");
  const { cwd, arch, env } = ctx.host;
  const config = await configFor(settings, resolve(cwd, options.context ?? "."), cwd);
  const request = parseBuildRequest(options, config, { cwd, arch, env, now: ctx.host.now() });
  return { request, assembly: await assemblyOptions(request, config, settings) };
}

async function assemblyOptions(
  request: BuildRequest,
  config: ConfigFile | undefined,
  settings: ApiSettings,
): Promise<AssembleOptions> {
  const { RegistryClient } = await import("../registry/client.ts");
  const stores = storeOptions(config, settings, request.tags);
  return {
    // One client for the base and the tags: it keeps connections and tokens.
    stores: { ...stores, client: new RegistryClient(stores) },
    debian: config?.debian,
    verifyAllow: config?.verifyAllow ?? [],
  };
}
