import type { Platform } from "../oci/platform.ts";

/** One build of one platform on one node: what the backends turn into a command line. All paths absolute. */
export interface Solve {
  readonly platform: Platform;
  /** A directory; or an address (git, https) as it is. */
  readonly context: string;
  readonly dockerfile: string;
  readonly namedContexts: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** "id=npmrc,src=/path", "id=token,env=TOKEN". */
  readonly secrets: readonly string[];
  /** "default", "default=/path/to/socket". */
  readonly ssh: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly network?: string;
  /** "true", "false", "mode=max"; undefined: BuildKit's default of the backend, made equal for both. */
  readonly provenance?: string;
  readonly sbom?: string;
  /** Seconds; handed over as SOURCE_DATE_EPOCH with rewritten timestamps. */
  readonly sourceDateEpoch?: number;
  readonly delivery: Delivery;
  /** Where BuildKit's metadata goes. */
  readonly metadataFile: string;
}

/** What a solve asks for beside context, Dockerfile and platform where nothing more is wanted. */
export const plainSolve = {
  namedContexts: {},
  buildArgs: {},
  labels: {},
  annotations: {},
  secrets: [],
  ssh: [],
  cacheFrom: [],
  cacheTo: [],
  noCache: false,
  pull: false,
} as const satisfies Partial<Solve>;

/** Where the node puts a platform's result. */
export type Delivery =
  /** "registry/repository": pushed by the node under its digest only. */
  | { readonly kind: "push-by-digest"; readonly repository: string }
  /** "registry/repository:tag": for registries that collect what has no tag; the tag is removed or left at the end. */
  | { readonly kind: "push-tag"; readonly reference: string }
  /** An OCI layout on this machine, in a directory that doesn't exist yet. */
  | { readonly kind: "layout"; readonly directory: string }
  /** The files of the target stage, in a directory of this machine. */
  | { readonly kind: "files"; readonly directory: string }
  /** Solved and thrown away: a probe or a test build. */
  | { readonly kind: "none" };

/** A program to start: arguments hold no secret. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
}
