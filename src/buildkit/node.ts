import type { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Platform } from "../oci/platform.ts";
import type { Command, Solve } from "./solve.ts";

/** How a BuildKit is reached, as `--builder [PLATFORM[,PLATFORM]=]ENDPOINT` and `[builders]` name it. */
export type Endpoint =
  /** BuildKit by `ssh HOST buildctl dial-stdio`, else the Docker of that host. */
  | { readonly kind: "ssh"; readonly url: string; readonly destination: string; readonly port?: number }
  | { readonly kind: "tcp"; readonly url: string; readonly tls?: TlsFiles }
  | { readonly kind: "unix"; readonly url: string }
  /** buildkitd in a container or pod that runs: "docker-container://NAME", "podman-container://NAME", "kube-pod://NAME?…". */
  | { readonly kind: "container"; readonly url: string }
  /** A docker context: a BuildKit container is made there. */
  | { readonly kind: "context"; readonly name: string }
  /** A builder of the user's buildx; `node` where it has several. */
  | { readonly kind: "builder"; readonly name: string; readonly node?: string };

/** Absolute paths of PEM files. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
}

/** One machine that may build. */
export interface NodeSpec {
  /** For people and reports: the endpoint as given ("ssh://ci@arm"), or "BUILDER/NODE". */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** The platforms that it was named for; undefined: for whatever it can. Order among nodes is the user's preference. */
  readonly platforms?: readonly Platform[];
  readonly origin: "flag" | "config" | "found";
}

/** What a node was seen to be; every field measured, none read from a label. */
export interface NodeFacts {
  /** What it runs without emulation: BUILDPLATFORM of a probe build. */
  readonly native: Platform;
  /** All that it says it can run, native and emulated. */
  readonly platforms: readonly Platform[];
  /** Platforms beside `native` that a probe showed to run on the CPU itself: 32-bit ones of the same family. */
  readonly nativeToo?: readonly Platform[];
  /** BuildKit's version, "v0.26.3"; undefined where it doesn't tell. */
  readonly version?: string;
  /** "remote", "docker-container", "docker", "kubernetes", …; "buildkitd" for buildctl. */
  readonly driver: string;
  /** Whether results can be pushed by digest (Docker's own BuildKit can't). */
  readonly pushByDigest: boolean;
  /** Milliseconds the probe took. */
  readonly probeMs: number;
}

/** A node that answered. Disposing of it removes what was made for it (temporary builders), never the user's. */
export interface Node extends AsyncDisposable {
  readonly spec: NodeSpec;
  readonly facts: NodeFacts;
  /** The program that solves one platform there; pure, `--dry-run` prints it. */
  command(solve: Solve): Command;
}

export interface UnreachableNode {
  readonly spec: NodeSpec;
  /** BUILDER_UNREACHABLE, BUILDER_UNAUTHORIZED, …. */
  readonly error: AnyarchError;
}

/** All nodes that were asked for or found, after probing them side by side. */
export interface Farm extends AsyncDisposable {
  readonly backend: { readonly name: "buildx" | "buildctl"; readonly version: string };
  /** In the order of preference. */
  readonly nodes: readonly Node[];
  readonly unreachable: readonly UnreachableNode[];
  /** Asks a node again after a failure: whether it is still there. Undefined when it is, else why not. */
  lost(node: Node, ctx: Context): Promise<AnyarchError | undefined>;
}
