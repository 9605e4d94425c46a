import type { Platform } from "../oci/platform.ts";
import type { Dockerfile, Instruction, Stage } from "./dockerfile.ts";

/** What a build of one platform does with one stage. */
export interface StageRun {
  readonly stage: Stage;
  /** The platform of the stage: what its RUN instructions execute on. Of a stage FROM another stage, that stage's. */
  readonly platform: Platform;
  /** Where that platform comes from: the target's, the build node's, or a constant in the file. */
  readonly follows: "target" | "build" | "constant";
  /** Whether the stage is needed for the target stage. */
  readonly needed: boolean;
  /** RUN instructions that execute: those of the stage itself, and ONBUILD isn't known. */
  readonly runs: readonly Instruction[];
}

export interface FlowOptions {
  /** Name or index of the stage to build; the last by default. */
  readonly target?: string | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  readonly buildPlatform: Platform;
  readonly targetPlatform: Platform;
}

export type StageFlow = (dockerfile: Dockerfile, options: FlowOptions) => readonly StageRun[];
