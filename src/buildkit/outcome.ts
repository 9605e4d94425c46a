import type { Diagnosis } from "../diagnose/diagnosis.ts";
import type { AnyarchError } from "../errors/error.ts";
import type { Descriptor } from "../oci/content.ts";
import type { Platform } from "../oci/platform.ts";
import type { ReadableStore } from "../stores/store.ts";
import type { Placement } from "./dockerfile-plan.ts";

/** How the build of one platform ended. */
export type PlatformOutcome<Result = DeliveredImage> = PlatformBuilt<Result> | PlatformFailed;

/** Where an image is. The descriptor is of a manifest, or of an index with its attestations. */
export interface DeliveredImage {
  readonly store: ReadableStore;
  readonly descriptor: Descriptor;
}

interface Ended {
  readonly platform: Platform;
  readonly optional: boolean;
  /** In order; the last is the one that counts. */
  readonly attempts: readonly Attempt[];
  readonly durationMs: number;
}

export interface PlatformBuilt<Result = DeliveredImage> extends Ended {
  readonly ok: true;
  readonly result: Result;
  readonly node: string;
  readonly placement: Placement;
}

export interface PlatformFailed extends Ended {
  readonly ok: false;
  readonly error: AnyarchError;
  readonly diagnoses: readonly Diagnosis[];
}

export interface Attempt {
  readonly node: string;
  readonly placement: Placement;
  readonly durationMs: number;
  /** Absent where it succeeded. */
  readonly failure?: { readonly code: string; readonly message: string };
}
