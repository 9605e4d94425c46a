/** Media types of the image-spec (media-types.md) and of Docker's image manifest version 2, schema 2. */
export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  empty: "application/vnd.oci.empty.v1+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerManifestList;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.manifest || mediaType === mediaTypes.dockerManifest;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === mediaTypes.dockerConfig;
}

export type LayerCompression = "none" | "gzip" | "zstd";

/** How a layer of this media type is compressed; undefined for what isn't a file system layer. */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  switch (mediaType) {
    case mediaTypes.layer:
    case mediaTypes.dockerLayer:
      return "none";
    case mediaTypes.layerGzip:
    case mediaTypes.dockerLayerGzip:
    case mediaTypes.dockerForeignLayer:
    case "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip":
      return "gzip";
    case mediaTypes.layerZstd:
    case "application/vnd.docker.image.rootfs.diff.tar.zstd":
    case "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd":
      return "zstd";
    default:
      return mediaType === "application/vnd.oci.image.layer.nondistributable.v1.tar" ? "none" : undefined;
  }
}

/** Layers that registries don't hold (image-spec layer.md, "Non-Distributable Layers"). */
export function isNonDistributable(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerForeignLayer || mediaType.includes(".nondistributable.");
}
