import type { Digest } from "../oci/digest.ts";
import type { BuildPlan, OmittedPlatform } from "./build-plan.ts";

/** What a build made, by whichever engine; plain JSON. */
export interface EngineResult<Plan> {
  readonly schema: "anyarch.build/v1";
  /** "name:tag" as people write them; empty where no tag was given. */
  readonly tags: readonly string[];
  /** Of the index, or of the manifest where there is one platform. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the index or manifest. */
  readonly size: number;
  readonly platforms: readonly BuiltPlatform[];
  /** Asked for and not in the image, with the reason; the build was allowed to go on without. */
  readonly omitted: readonly OmittedResult[];
  /** Where it was written: "registry.example/team/app:1", "oci:dist/image". */
  readonly published: readonly PublishedTo[];
  readonly durationMs: number;
  readonly plan: Plan;
}

/** What the daemonless engine made. */
export type AssembledResult = EngineResult<BuildPlan>;

export interface OmittedResult extends OmittedPlatform {
  /** What was tried, in order, where something was. */
  readonly attempts?: readonly ReportedAttempt[];
}

export interface ReportedAttempt {
  readonly node: string;
  readonly placement: ReportedPlacement;
  readonly durationMs: number;
  /** Absent where it succeeded. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/** How a platform came to be: without running anything of it, or how its RUN instructions were executed. */
export type ReportedPlacement = "assembled" | "native" | "cross" | "emulated";

export interface BuiltPlatform {
  readonly platform: string;
  readonly digest: Digest;
  /** Compressed bytes of all layers. */
  readonly size: number;
  readonly layers: readonly ReportedLayer[];
  /** The builder that made it; absent where none did. */
  readonly node?: string;
  readonly placement?: ReportedPlacement;
  /** Milliseconds for this platform alone. */
  readonly durationMs?: number;
  /** More than one where the build was tried again or elsewhere. */
  readonly attempts?: readonly ReportedAttempt[];
  /** Files and ELF files that were read to prove the platform; absent where nothing was to be proved. */
  readonly verified?: { readonly files: number; readonly elf: number };
}

export interface ReportedLayer {
  readonly name: string;
  readonly digest: Digest;
  /** Compressed bytes. */
  readonly size: number;
  /** True where it was neither tarred nor compressed now; false where that isn't known. */
  readonly cached: boolean;
  readonly base: boolean;
  /** The platforms of this build that hold the same blob, this one included. */
  readonly sharedBy: number;
}

export interface PublishedTo {
  readonly location: string;
  readonly pushed: number;
  readonly mounted: number;
  /** Blobs and manifests that were there already. */
  readonly existing: number;
  /** Bytes that were transferred. */
  readonly bytes: number;
}
