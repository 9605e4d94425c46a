import type { OmittedPlatform } from "../plan/build-plan.ts";

/** How a platform's RUN instructions come to execute. */
export type Placement = "native" | "cross" | "emulated";

/** What a Dockerfile build is going to do, as plain JSON: `build --dry-run` prints it. */
export interface DockerfilePlan {
  readonly schema: "anyarch.plan/v1";
  readonly engine: "buildkit";
  readonly dockerfile: string;
  readonly context: string;
  readonly target?: string;
  readonly backend: { readonly name: string; readonly version: string };
  readonly nodes: readonly PlannedNode[];
  readonly platforms: readonly PlacedPlatform[];
  readonly omitted: readonly OmittedPlatform[];
  readonly tags: readonly string[];
  readonly push: boolean;
  readonly outputs: readonly string[];
  /** Named by `check` for these platforms: file:line, rule and message. */
  readonly hazards: readonly PlannedHazard[];
}

export interface PlannedNode {
  readonly name: string;
  /** Absent where it didn't answer. */
  readonly native?: string;
  readonly platforms: readonly string[];
  readonly driver?: string;
  readonly version?: string;
  /** Why it isn't used, where it didn't answer. */
  readonly unreachable?: string;
}

export interface PlacedPlatform {
  readonly platform: string;
  readonly optional: boolean;
  /** What emulation will cost, where it is built by that; absent otherwise. */
  readonly warning?: string;
  /** The first is where it is built; the others stand in when it fails. At least one. */
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  /** {@link PlannedNode.name}. */
  readonly node: string;
  readonly placement: Placement;
  /** "the node is linux/arm64", "all RUN instructions are in stages of the build platform". */
  readonly why: string;
  /** Stages whose RUN instructions run emulated: names, or indexes where they have none. */
  readonly emulatedStages: readonly string[];
  /** As a shell takes it. */
  readonly command: string;
}

export interface PlannedHazard {
  readonly rule: string;
  readonly severity: "error" | "warning" | "info";
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly platforms: readonly string[];
}
