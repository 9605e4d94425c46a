import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "./process.ts";

export interface SamplePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface SampleImage {
  readonly platform: SamplePlatform;
  /** A directory whose content is the only layer. */
  readonly root: string;
  /** The `config` object of the image configuration, e.g. `{Cmd: ["/bin/sh"]}`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** In place of the layer's true one, for images that must be refused. */
  readonly diffId?: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const type = (name: string): string => `application/vnd.oci.image.${name}`;

/**
 * Writes an OCI layout (image-spec 1.1, image-layout.md) by hand, with GNU tar and nothing of anyarch's own code, so
 * that it can be held against it: index.json → one nested index, tagged `tag` → one manifest per image → one gzip
 * layer. Digests depend only on the input.
 * @returns the descriptor of the nested index and of each manifest.
 */
export async function writeSampleLayout(
  directory: string,
  images: readonly SampleImage[],
  tag: string,
): Promise<{ readonly index: Descriptor; readonly manifests: readonly Descriptor[] }> {
  const blobs = join(directory, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const put = async (content: Buffer, mediaType: string): Promise<Descriptor> => {
    const hex = createHash("sha256").update(content).digest("hex");
    await writeFile(join(blobs, hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const putJson = (value: unknown, mediaType: string): Promise<Descriptor> =>
    put(Buffer.from(JSON.stringify(value)), mediaType);

  const manifests: (Descriptor & { platform: SamplePlatform })[] = [];
  for (const { platform, root, config = {}, diffId: given } of images) {
    const tarFile = join(directory, ".layer.tar");
    const normal = [
      "--sort=name",
      "--mtime=@0",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--format=posix",
    ];
    const posix = "--pax-option=delete=atime,delete=ctime";
    await run("tar", ["-C", root, ...normal, posix, "-cf", tarFile, "."]);
    const tar = await readAndRemove(tarFile);
    const diffId = given ?? `sha256:${createHash("sha256").update(tar).digest("hex")}`;
    const layer = await put(gzipSync(tar, { level: 5 }), type("layer.v1.tar+gzip"));
    const image = {
      created: "1970-01-01T00:00:00Z",
      ...platform,
      config,
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created: "1970-01-01T00:00:00Z", created_by: "sample" }],
    };
    const mediaType = type("manifest.v1+json");
    const configDescriptor = await putJson(image, type("config.v1+json"));
    const manifest = { schemaVersion: 2, mediaType, config: configDescriptor, layers: [layer] };
    manifests.push({ ...(await putJson(manifest, mediaType)), platform });
  }
  const mediaType = type("index.v1+json");
  const index = await putJson({ schemaVersion: 2, mediaType, manifests }, mediaType);
  const annotations = { "org.opencontainers.image.ref.name": tag };
  const top = { schemaVersion: 2, mediaType, manifests: [{ ...index, annotations }] };
  await writeFile(join(directory, "index.json"), JSON.stringify(top));
  await writeFile(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return { index, manifests };
}

async function readAndRemove(path: string): Promise<Buffer> {
  const content = await readFile(path);
  await rm(path);
  return content;
}
