import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { tarBlocks } from "../../../src/archive/tar-writer.ts";
import type { TestRegistry } from "../../../src/testing/registry.ts";

/** Media types as the two families of registries' content have them. */
const families = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  },
} as const;

export interface FakeBase {
  readonly registry: TestRegistry;
  readonly repository: string;
  readonly tag: string;
  /** "oci" by default. */
  readonly family?: keyof typeof families;
  /** One architecture for an image without an index. */
  readonly architectures: readonly string[] | string;
  /** What the index says in place of the truth: architecture → architecture. */
  readonly labels?: Readonly<Record<string, string>>;
}

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/**
 * Puts a base image into the registry in which a build finds Python 3.11.2 and glibc 2.36. Nothing in it can run. As
 * images built from a Dockerfile have it, its history holds a step without a layer. Returns the digest of the tag.
 */
export function putFakeBase(base: FakeBase): string {
  const { registry, repository, tag, architectures } = base;
  const types = families[base.family ?? "oci"];
  const put = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: registry.putBlob(repository, bytes),
    size: bytes.length,
  });
  const putManifest = (architecture: string, name?: string) => {
    const tar = pythonLayer(architecture);
    const layer = put(gzipSync(tar), types.layer);
    const config = put(
      json({
        architecture,
        os: "linux",
        config: { Env: ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"], Cmd: ["python3"], Labels: { from: "base" } },
        rootfs: { type: "layers", diff_ids: [sha256(tar)] },
        history: [{ created_by: "COPY python" }, { created_by: "ENV LANG=C.UTF-8", empty_layer: true }],
      }),
      types.config,
    );
    const bytes = json({ schemaVersion: 2, mediaType: types.manifest, config, layers: [layer] });
    const digest = registry.putManifest(repository, types.manifest, bytes, name);
    return { mediaType: types.manifest, digest, size: bytes.length };
  };
  if (typeof architectures === "string") return putManifest(architectures, tag).digest;
  const manifests = architectures.map((architecture) => ({
    ...putManifest(architecture),
    platform: { architecture: base.labels?.[architecture] ?? architecture, os: "linux" },
  }));
  const bytes = json({ schemaVersion: 2, mediaType: types.index, manifests });
  return registry.putManifest(repository, types.index, bytes, tag);
}

function pythonLayer(architecture: string): Buffer {
  const triplet = architecture === "amd64" ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
  const file = (path: string, text: string) => {
    const bytes = Buffer.from(text);
    return { type: "file", path, mode: 0o755, size: bytes.length, content: { bytes } } as const;
  };
  return Buffer.concat([
    ...tarBlocks([
      file(`lib/${triplet}/libc.so.6`, "not a library: GNU C Library stable release version 2.36.\x00"),
      file("usr/bin/python3.11", "not a program\x003.11.2\x00"),
    ]),
  ]);
}
