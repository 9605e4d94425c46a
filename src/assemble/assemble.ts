import { resolve } from "node:path";
import type { Application, AppSelection, AppTarget, DefaultBase } from "../apps/app-type.ts";
import { detectApp } from "../apps/app-types.ts";
import { AnyarchError, isAbort } from "../errors/error.ts";
import { runTogether } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { type BaseFindings, type BuildPlan, makePlan } from "../plan/build-plan.ts";
import type { BuildRequest } from "../plan/build-request.ts";
import type { AssembledResult } from "../plan/build-result.ts";
import type { DebianSettings } from "../plan/config-file.ts";
import type { WheelBuilder } from "../packages/python/wheel-builder.ts";
import { checkOutputs, type StoreOptions } from "../stores/locations.ts";
import { cancelledBeforePublishing, checkPush } from "../stores/publish.ts";
import { baseAnnotations, sourceAnnotations } from "./annotations.ts";
import { type Base, type PlatformBase, whyNotThisBase } from "./base.ts";
import { composeImage } from "./compose.ts";
import { ContentDigests } from "./content-digests.ts";
import { withoutDamaged } from "./damaged-cache.ts";
import { type BuiltLayer, LayerBuilder } from "./layer-builder.ts";
import { openBases } from "./platform-bases.ts";
import { type Proof, proveImages } from "./prove.ts";
import { publish } from "./publish.ts";
import { reportResult } from "./report-result.ts";

/** What a build needs beside the request: where stores are and what the configuration says of Debian. */
export interface AssembleOptions {
  readonly stores: StoreOptions;
  readonly debian: DebianSettings | undefined;
  readonly verifyAllow: readonly string[];
  /** What builds packages that exist as native source only: this engine runs nothing of a target. */
  readonly wheelBuilder?: WheelBuilder;
}

/** An image of one platform, and the layers in it that were made here. */
export interface AssembledImage {
  readonly platform: Platform;
  readonly image: Image;
  /** Made here, of the base's packages or of the application. */
  readonly built: readonly BuiltLayer[];
  /** Those of the application. */
  readonly application: ReadonlySet<Digest>;
}

interface Prepared {
  readonly base: Base;
  readonly bases: readonly PlatformBase[];
  readonly application: Application;
  readonly findings: BaseFindings;
  readonly selection: AppSelection;
  readonly plan: BuildPlan;
}

/** Finds out everything that decides the build, downloads nothing of the application, and makes the plan. */
export async function planAssembly(
  request: BuildRequest,
  options: AssembleOptions,
  ctx: Context,
): Promise<BuildPlan> {
  return (await prepare(request, options, ctx)).plan;
}

/**
 * The daemonless engine: plan, fetch, layers, images, proof, publication, in this order, so that nothing is
 * published that was not proved and nothing is fetched for a build that can't succeed.
 */
export async function assemble(
  request: BuildRequest,
  options: AssembleOptions,
  ctx: Context,
): Promise<AssembledResult> {
  const started = performance.now();
  const { prepared, images, proofs } = await makeProved(request, options, ctx).catch((error: unknown) => {
    throw isAbort(error) ? cancelledBeforePublishing(error) : error;
  });
  const published = await publish(
    images,
    request,
    options.stores,
    (registry) => prepared.base.mountSource?.(registry),
    ctx,
  );
  await prepared.base.save?.();
  return reportResult({
    plan: prepared.plan,
    images,
    proofs,
    published,
    durationMs: performance.now() - started,
  });
}

async function makeProved(
  request: BuildRequest,
  options: AssembleOptions,
  ctx: Context,
): Promise<{ prepared: Prepared; images: readonly AssembledImage[]; proofs: ReadonlyMap<string, Proof> }> {
  const prepared = await withBuilds(await prepare(request, options, ctx), request, options.stores, ctx);
  const images = await makeImages(prepared, request, options.stores, ctx);
  const { packages } = prepared.plan;
  const scope = { layers: request.verify, allow: options.verifyAllow, packages };
  return { prepared, images, proofs: await proveImages(images, scope, ctx) };
}

/** Has built what no wheel exists of; what that failed for is omitted, or an error, as the request has it. */
async function withBuilds(
  prepared: Prepared,
  request: BuildRequest,
  stores: StoreOptions,
  ctx: Context,
): Promise<Prepared> {
  const { selection, bases } = prepared;
  if (selection.build === undefined) return prepared;
  // Compiling may take an hour: not for an image that can't be pushed.
  await checkPush(request.push ? request.tags : [], stores, ctx);
  const platforms = bases.map(({ platform }) => platform);
  return planned({ ...prepared, selection: await selection.build(platforms, ctx) }, request);
}

/** The base that was asked for; else the first of the application's defaults that this machine has and that fits. */
async function prepare(request: BuildRequest, options: AssembleOptions, ctx: Context): Promise<Prepared> {
  checkOutputs(request.outputs, ctx.host.cwd);
  const application = await inspectApplication(request, options, ctx);
  const { defaultBases } = application;
  for (const candidate of request.base === undefined ? defaultBases.slice(0, -1) : []) {
    try {
      return await prepareOn(candidate, application, request, options, ctx);
    } catch (error) {
      const message = whyNotThisBase(error);
      if (message === undefined) throw error;
      ctx.emit({ type: "log", level: "warning", message });
    }
  }
  return prepareOn(request.base ?? defaultBases.at(-1) ?? "scratch", application, request, options, ctx);
}

async function prepareOn(
  wanted: string | DefaultBase,
  application: Application,
  request: BuildRequest,
  options: AssembleOptions,
  ctx: Context,
): Promise<Prepared> {
  const base = await openBases(wanted, request, options, ctx);
  const { findings, bases } = await openPlatforms(base, request, ctx);
  const image = base.pullable;
  const targets: readonly AppTarget[] = bases.map(({ platform, facts }) => ({
    platform,
    facts,
    ...(image !== undefined && { image }),
  }));
  const selection = targets.length === 0 ? nothingSelected : await application.select(targets, ctx);
  return planned({ base, bases, application, findings, selection }, request);
}

/** Throws what makePlan throws; platforms that are left out of the plan are left out here. */
function planned(found: Omit<Prepared, "plan">, request: BuildRequest): Prepared {
  const plan = makePlan(request, found.application, found.findings, found.selection);
  const bases = found.bases.filter(({ platform }) =>
    plan.platforms.some((one) => one.platform === formatPlatform(platform)),
  );
  return { ...found, bases, plan };
}

/** Stands in where no platform of the base is left; makePlan throws then. */
const nothingSelected: AppSelection = {
  packages: [],
  unavailable: new Map(),
  run: { entrypoint: [], env: {}, workdir: "/", ports: [], why: "" },
  layers: () => Promise.resolve(new Map()),
};

async function inspectApplication(
  request: BuildRequest,
  { wheelBuilder }: AssembleOptions,
  ctx: Context,
): Promise<Application> {
  const type = await detectApp(request.directory);
  const application = await type.inspect(
    {
      directory: request.directory,
      exclude: request.outputs.map((location) => resolve(ctx.host.cwd, location.replace(/^[a-z-]+:/, ""))),
      includeDeps: request.includeDeps,
      extras: request.extras,
      groups: request.groups,
      workdir: request.workdir,
      ...(request.requirements !== undefined && { requirements: request.requirements }),
      ...(request.entrypoint !== undefined && { entrypoint: request.entrypoint }),
      ...(wheelBuilder !== undefined && { wheelBuilder }),
    },
    ctx,
  );
  for (const message of application.notes) ctx.emit({ type: "log", level: "warning", message });
  return application;
}

async function openPlatforms(
  base: Base,
  request: BuildRequest,
  ctx: Context,
): Promise<{ findings: BaseFindings; bases: readonly PlatformBase[] }> {
  const wanted = request.platforms === "all" ? base.platforms : request.platforms;
  if (wanted.length === 0) {
    throw new AnyarchError("USAGE", `"all" means nothing for the base ${base.location}.`, {
      hint: "Name the platforms: --platform linux/amd64,linux/arm64",
    });
  }
  const opened = await base.open(wanted, ctx);
  const missing = new Map<string, Error>();
  const bases: PlatformBase[] = [];
  for (const [index, result] of opened.entries()) {
    if (result instanceof AnyarchError) missing.set(formatPlatform(wanted[index] as Platform), result);
    else bases.push(result);
  }
  const findings: BaseFindings = {
    location: base.location,
    ...(base.digest && { digest: base.digest }),
    platforms: bases,
    missing,
  };
  return { findings, bases };
}

async function makeImages(
  prepared: Prepared,
  request: BuildRequest,
  stores: StoreOptions,
  ctx: Context,
): Promise<readonly AssembledImage[]> {
  let images: readonly AssembledImage[] = [];
  // Whoever forgot to log in shall not wait for a build to learn it.
  await runTogether(ctx, [
    (shared) => checkPush(request.push ? request.tags : [], stores, shared),
    async (shared) => {
      try {
        images = await makeLayers(prepared, request, shared);
      } catch (error) {
        throw await withoutDamaged(error, ctx);
      }
    },
  ]);
  return images;
}

async function makeLayers(
  prepared: Prepared,
  request: BuildRequest,
  ctx: Context,
): Promise<readonly AssembledImage[]> {
  const { base, bases, selection } = prepared;
  const digests = new ContentDigests(ctx.host.cacheDir, request.directory);
  const builder = new LayerBuilder(
    { compression: request.compression, mtime: request.mtime, remember: request.cache, jobs: request.jobs },
    digests,
  );
  const sources = sourceAnnotations(request, ctx.host.env);
  const appLayers = await selection.layers(
    bases.map(({ platform }) => platform),
    ctx,
  );
  const images = await runTogether(
    ctx,
    bases.map((platformBase) => async (shared: Context): Promise<AssembledImage> => {
      const { platform } = platformBase;
      const name = formatPlatform(platform);
      const [{ image: start, built: baseLayers }, layers] = await Promise.all([
        platformBase.image(builder, shared),
        runTogether(
          shared,
          (appLayers.get(name) ?? []).map((layer) => (inner: Context) => builder.build(layer, name, inner)),
        ),
      ]);
      const annotations = { ...baseAnnotations(base, platformBase), ...sources, ...request.annotations };
      const image = composeImage(start, layers, selection.run, request, annotations);
      const application = new Set(layers.map(({ layer }) => layer.descriptor.digest));
      return { platform, image, built: [...baseLayers, ...layers], application };
    }),
  );
  await digests.save();
  return images;
}
