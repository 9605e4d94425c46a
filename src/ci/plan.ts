import type { CiOptions } from "./options.ts";

export type CiMode = "native" | "matrix" | "qemu" | "single";

/** One platform's job. */
export interface CiRow {
  readonly platform: string;
  /** Fit for a variable's name: "linux_arm_v7". */
  readonly key: string;
  /** Labels that a runner must have. */
  readonly runner: readonly string[];
  /** Whether the programs of the platform need an emulator there. */
  readonly emulated: boolean;
  readonly optional: boolean;
  readonly selfHosted: boolean;
}

/** A workflow to be written, checked: all paths are relative to the repository, platforms are normalised. */
export interface CiPlan {
  readonly service: CiOptions["service"];
  readonly mode: CiMode;
  readonly context: string;
  /** Undefined: the application is assembled. */
  readonly dockerfile: string | undefined;
  readonly config: string | undefined;
  /** In full, with their registries; undefined where nobody named the image. */
  readonly tags: readonly string[] | undefined;
  /** Of `tags`, or the service's own. */
  readonly registry: string;
  readonly rows: readonly CiRow[];
  /** Whether the jobs set up a builder; not where the configuration names builders, or nothing is to be built by one. */
  readonly ownBuilder: boolean;
  readonly branches: readonly string[];
  readonly test: boolean;
  readonly version: string;
}

/** Whether each platform has a job of its own, so that there is something to merge. */
export function inMatrix({ mode }: CiPlan): boolean {
  return mode === "native" || mode === "matrix";
}

/** As `anyarch build --platform` takes it: "linux/amd64,linux/arm/v7?". */
export function askedFor(rows: readonly CiRow[]): string {
  return rows.map(({ platform, optional }) => `${platform}${optional ? "?" : ""}`).join(",");
}

/** Separated by blanks. */
export function requiredOf(rows: readonly CiRow[]): string {
  return rows.flatMap(({ platform, optional }) => (optional ? [] : [platform])).join(" ");
}
