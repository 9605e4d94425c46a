import type { EngineResult } from "../plan/build-result.ts";
import type { DockerfilePlan } from "./dockerfile-plan.ts";

/** What the Dockerfile engine made. */
export type DockerfileBuildResult = EngineResult<DockerfilePlan>;
