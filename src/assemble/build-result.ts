import type { Digest } from "../oci/digest.ts";
import type { BuildPlan, OmittedPlatform } from "../plan/build-plan.ts";

/** What a build made; plain JSON. */
export interface BuildResult {
  readonly schema: "anyarch.build/v1";
  /** "name:tag" as people write them; empty where no tag was given. */
  readonly tags: readonly string[];
  /** Of the index, or of the manifest where there is one platform. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the index or manifest. */
  readonly size: number;
  readonly platforms: readonly BuiltPlatform[];
  readonly omitted: readonly OmittedPlatform[];
  /** Where it was written: "registry.example/team/app:1", "oci:dist/image". */
  readonly published: readonly PublishedTo[];
  readonly durationMs: number;
  readonly plan: BuildPlan;
}

export interface BuiltPlatform {
  readonly platform: string;
  readonly digest: Digest;
  /** Compressed bytes of all layers. */
  readonly size: number;
  readonly layers: readonly ReportedLayer[];
  /** Files and ELF files that were read to prove the platform. */
  readonly verified: { readonly files: number; readonly elf: number };
}

export interface ReportedLayer {
  readonly name: string;
  readonly digest: Digest;
  /** Compressed bytes. */
  readonly size: number;
  /** True where it was neither tarred nor compressed now. */
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
