import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stageFlow } from "../dockerfile/flow.ts";
import { parseDockerfile } from "../dockerfile/parse.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { TempDir } from "../host/temp-dir.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { BuilderRequest } from "../plan/builder-request.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import type { DockerfileBuildOptions } from "./build-options.ts";
import { buildPlatforms } from "./build-platforms.ts";
import type { Candidate, DockerfilePlan, PlacedPlatform } from "./dockerfile-plan.ts";
import type { Farm } from "./node.ts";
import { makeOwnedTempDir } from "./owned-temp-dir.ts";
import { placePlatforms } from "./place.ts";
import { warnBeforeBuild } from "./plan-hazards.ts";
import { probedFarm } from "./probed-farm.ts";
import type { Prepare } from "./prepared-solve.ts";
import { plainSolve } from "./solve.ts";
import { solveFor } from "./solve-for.ts";

/** A Dockerfile whose last stage is files, not an image. */
export interface FilesOrder {
  /** Its text. */
  readonly dockerfile: string;
  /** Absolute. */
  readonly context: string;
  readonly platforms: readonly Platform[];
  /** "id=pip.conf,src=/path". */
  readonly secrets: readonly string[];
}

/** Where the files of one platform are, and which node made them how. */
export interface BuiltFiles extends Pick<Candidate, "node" | "placement"> {
  readonly directory: string;
}

/**
 * Builds files, not images, on the best node for each platform, by the Dockerfile engine's own placement, failover
 * and watch. Disposing of it ends the connections and removes what it delivered.
 */
export class FilesBuilder implements AsyncDisposable {
  readonly #request: BuilderRequest;
  readonly #farm: Farm;
  readonly #workspace: TempDir;
  #warned = false;

  private constructor(request: BuilderRequest, farm: Farm, workspace: TempDir) {
    this.#request = request;
    this.#farm = farm;
    this.#workspace = workspace;
  }

  /** Finds and probes the nodes for `platforms`. Throws BUILDER_TOOL_MISSING, BUILDER_INVALID. */
  static async open(
    request: BuilderRequest,
    platforms: readonly Platform[],
    options: DockerfileBuildOptions,
    ctx: Context,
  ): Promise<FilesBuilder> {
    const farm = await probedFarm(asRequest(request, { platforms }), options, ctx);
    try {
      return new FilesBuilder(request, farm, await makeOwnedTempDir());
    } catch (error) {
      await farm[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where a Dockerfile would be built, by normalised platform: on the best node, or why nowhere. */
  place(
    dockerfile: string,
    platforms: readonly Platform[],
  ): ReadonlyMap<string, PlacedPlatform | AnyarchError> {
    const order = { dockerfile, context: "/", secrets: [] };
    const failures = new Map<string, AnyarchError>();
    const possible = platforms.filter((platform) => {
      try {
        return this.#plan({ ...order, platforms: [platform] }, "Dockerfile").platforms.length > 0;
      } catch (error) {
        if (!(error instanceof AnyarchError)) throw error;
        failures.set(formatPlatform(platform), error);
        return false;
      }
    });
    if (possible.length === 0) return failures;
    // Together, so that equal nodes share them.
    const { platforms: placed } = this.#plan({ ...order, platforms: possible }, "Dockerfile");
    return new Map<string, PlacedPlatform | AnyarchError>([
      ...failures,
      ...placed.map((one) => [one.platform, one] as const),
    ]);
  }

  /**
   * By normalised platform the files that the last stage left, or what its build failed with; one that fails leaves
   * the others alone. Throws BUILDER_LACKS_PLATFORM for what {@link place} says nobody can build, and what
   * `ctx.signal` was aborted with.
   */
  async build(order: FilesOrder, ctx: Context): Promise<ReadonlyMap<string, BuiltFiles | AnyarchError>> {
    const directory = await mkdtemp(join(this.#workspace.path, "order-"));
    const file = join(directory, "Dockerfile");
    await writeFile(file, order.dockerfile);
    const plan = this.#plan(order, file);
    // Said once: what emulation costs is the same for all that is built.
    if (!this.#warned) warnBeforeBuild(plan, ctx);
    this.#warned = true;
    const request = asRequest(this.#request, order, file);
    const prepare: Prepare<string> = async (_node, platform) => {
      const attempt = await mkdtemp(join(directory, "attempt-"));
      const files = join(attempt, "files");
      const delivery = { kind: "files", directory: files } as const;
      const metadataFile = join(attempt, "metadata.json");
      return {
        solve: solveFor(request, { platform, optional: false }, delivery, metadataFile),
        open: () => Promise.resolve(files),
      };
    };
    const limits = { ...request, dockerfileText: order.dockerfile };
    const outcomes = await buildPlatforms(plan, this.#farm, limits, prepare, ctx);
    return new Map(
      outcomes.map((outcome) => [
        formatPlatform(outcome.platform),
        outcome.ok
          ? { directory: outcome.result, node: outcome.node, placement: outcome.placement }
          : outcome.error,
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#farm[Symbol.asyncDispose]();
    } finally {
      await this.#workspace[Symbol.asyncDispose]();
    }
  }

  #plan(order: FilesOrder, file: string): DockerfilePlan {
    const request = asRequest(this.#request, order, file);
    return placePlatforms(request, parseDockerfile(order.dockerfile), this.#farm, {
      flow: stageFlow,
      hazards: [],
      solve: (requested) => solveFor(request, requested, { kind: "none" }, "metadata.json"),
    });
  }
}

/** As the engine's parts take it: what one platform's build fails with says nothing of the others. */
function asRequest(
  builders: BuilderRequest,
  order: Pick<FilesOrder, "platforms"> & Partial<FilesOrder>,
  file = "",
): DockerfileRequest {
  return {
    ...plainSolve,
    ...builders,
    context: order.context ?? "",
    dockerfile: file,
    platforms: order.platforms.map((platform) => ({ platform, optional: false })),
    secrets: order.secrets ?? [],
    platformBuildArgs: {},
    tags: [],
    provenance: "false",
    fallback: "available",
    outputs: [],
    push: false,
    load: false,
    temporaryTags: false,
    verify: "none",
  };
}
