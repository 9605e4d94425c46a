/** What may be asked of a workflow; what is absent comes from the configuration file, then from what is found. */
export interface CiOptions {
  readonly service: "github" | "gitlab";
  /** The application's directory, or the Dockerfile's context; the current directory by default. */
  readonly context?: string;
  /** "os/arch[/variant]", lists allowed, "linux/arm/v7?" for an optional one; linux/amd64 and linux/arm64 by default. */
  readonly platforms?: readonly string[];
  /** Platforms whose failure doesn't stop the publication, as with the question mark; lists allowed. */
  readonly optional?: readonly string[];
  /** "name:tag" references; by default the repository's own name in ghcr.io or GitLab's registry, ":latest". */
  readonly tags?: readonly string[];
  /** The Dockerfile; that of the context by default. Without one the application is assembled. */
  readonly file?: string;
  /**
   * "native" (default): a job per platform on a runner of its architecture, then one that merges. "matrix": the same
   * on amd64 runners, emulated. "qemu": all in one job and one builder. "single": one platform, nothing to merge.
   */
  readonly mode?: string;
  /** "PLATFORM=LABEL[,LABEL]": the runner of a platform. */
  readonly runners?: readonly string[];
  /** Branches whose pushes start it; "main" by default. */
  readonly branches?: readonly string[];
  /** False leaves out `anyarch test`. */
  readonly test?: boolean;
  /** Of anyarch, to be installed; this one by default. */
  readonly version?: string;
}
