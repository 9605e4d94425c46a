import type { Entry } from "../archive/entry.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type Descriptor, parseIndex, serialize } from "../oci/content.ts";
import { isIndexType } from "../oci/media-type.ts";
import { formatPlatform } from "../oci/platform.ts";
import { formatReference, parseReference, withDefaultTag } from "../oci/reference.ts";
import { ArchiveStore } from "./archive-store.ts";
import { dockerManifest } from "./docker-manifest.ts";
import { readContent } from "./graph.ts";
import type { LayoutStore } from "./layout-store.ts";
import { imagesOf } from "./select-platforms.ts";

/**
 * What `docker save` writes and `docker load`, podman and skopeo read: manifest.json with configs and layers, and, as
 * Docker does since version 25, an OCI layout of the same files. It holds images of one platform each; references are
 * full names ("myapp:1.0"), "" is for none. Docker loads zstd layers since version 23.
 */
export class DockerArchiveStore extends ArchiveStore {
  constructor(file: string, name: string = `docker-archive:${file}`) {
    super(file, name);
  }

  /** Of an index with one platform that platform's image is kept. Throws STORE_UNSUPPORTED for one with several. */
  async tag(descriptor: Descriptor, reference: string, ctx: Context): Promise<void> {
    const layout = await this.writing();
    const image = await this.#singleImage(descriptor, layout, ctx);
    if (reference === "") {
      await layout.tag(image, "", ctx);
      return;
    }
    const full = withDefaultTag(parseReference(reference));
    await layout.tagAs(image, full.tag ?? "latest", formatReference(full), ctx);
  }

  protected override async extraEntries(layout: LayoutStore, ctx: Context): Promise<readonly Entry[]> {
    const bytes = (await dockerManifest(layout, await layout.entries(), ctx)) ?? serialize([]);
    return [{ type: "file", path: "manifest.json", mode: 0o644, size: bytes.length, content: { bytes } }];
  }

  async #singleImage(descriptor: Descriptor, layout: LayoutStore, ctx: Context): Promise<Descriptor> {
    if (!isIndexType(descriptor.mediaType)) return descriptor;
    const { manifests } = parseIndex(await readContent(layout, descriptor, ctx));
    const images = imagesOf(manifests);
    const [image, ...others] = images.length === 0 && manifests.length === 1 ? manifests : images;
    if (image !== undefined && others.length === 0) return image;
    const platforms = images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
    throw new AnyarchError(
      "STORE_UNSUPPORTED",
      `${this.name} can hold an image of one platform only, not ${platforms.join(", ") || "this"}.`,
      { hint: "Choose one with --platform, or write oci-archive:FILE, which holds them all." },
    );
  }
}
