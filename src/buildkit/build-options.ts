import type { StoreOptions } from "../stores/locations.ts";

/** What a Dockerfile build needs beside the request. */
export interface DockerfileBuildOptions {
  readonly stores: StoreOptions;
}
