/** What may be asked of a Dockerfile build only; values as people write them. Relative paths are of the working directory. */
export interface DockerfileOptions {
  /** The Dockerfile; "Dockerfile" or "Containerfile" of the context by default. */
  readonly file?: string;
  /** Stage to build; the last by default. */
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Build arguments of one platform ("linux/arm64"), before those for all. */
  readonly platformBuildArgs?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** --build-context: name → directory, "docker-image://REF", "oci-layout://DIR", address. */
  readonly namedContexts?: Readonly<Record<string, string>>;
  /** "id=npmrc,src=FILE", "id=token,env=NAME". */
  readonly secrets?: readonly string[];
  /** "default", "default=SOCKET", "id=KEYFILE". */
  readonly ssh?: readonly string[];
  /** As for docker buildx; each platform gets a reference, directory or scope of its own. */
  readonly cacheFrom?: readonly string[];
  readonly cacheTo?: readonly string[];
  /** Asks the registry for newer base images. */
  readonly pull?: boolean;
  /** Of RUN instructions: "default", "none", "host". */
  readonly network?: string;
  /** true, false, "mode=min", "mode=max"; BuildKit's default where absent. */
  readonly provenance?: string | boolean;
  /** true, false, "generator=IMAGE". */
  readonly sbom?: string | boolean;
  /** "[PLATFORM[,PLATFORM]=]ENDPOINT", best first: "linux/arm64=ssh://ci@arm". Those that are found where absent. */
  readonly builders?: readonly string[];
  /** False refuses platforms that only emulation could build; true by default. */
  readonly emulation?: boolean;
  /** Loads the image into the docker or podman that is here; false by default. */
  readonly load?: boolean;
  /** For registries that collect what has no tag: platforms are pushed under tags that are removed at the end. */
  readonly temporaryTags?: boolean;
  /** Tries per builder after transient faults; 2 by default. */
  readonly retries?: number;
  /** For one platform on one builder: "45m"; no limit by default. */
  readonly timeout?: string;
  /** Without a sign of life: "10m"; no limit by default. */
  readonly silenceLimit?: string;
  /** Silence that a step is given after an emulator crashed in it; "30s" by default. */
  readonly crashSilence?: string;
}
