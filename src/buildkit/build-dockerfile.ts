import type { Context } from "../host/context.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import type { DockerfileBuildOptions } from "./build-options.ts";
import type { DockerfileBuildResult } from "./build-result.ts";
import type { DockerfilePlan } from "./dockerfile-plan.ts";
/** Its signature only: the implementation comes with the branch "execution", which takes this file's place. */
export declare function buildDockerfile(
  request: DockerfileRequest,
  options: DockerfileBuildOptions,
  ctx: Context,
): Promise<DockerfileBuildResult>;
export declare function planDockerfile(
  request: DockerfileRequest,
  options: DockerfileBuildOptions,
  ctx: Context,
): Promise<DockerfilePlan>;
