import type { Descriptor, Manifest } from "../oci/content.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type { Layer } from "./layer.ts";
export interface Image {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly rawManifest: Uint8Array;
  readonly config: ImageConfig;
  readonly rawConfig: Uint8Array;
  readonly layers: readonly Layer[];
}
