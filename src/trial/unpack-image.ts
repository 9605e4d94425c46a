import { mkdirSync } from "node:fs";
import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import { shortDigest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { LayerApplier, type WantedAttribute } from "./apply-layer.ts";
import { RootedTree } from "./rooted-tree.ts";

/**
 * Unpacks an image's layers into `directory`, which is made. As root with the owners that the layers name, else all is
 * the user's. Throws DIGEST_MISMATCH, ARCHIVE_INVALID, ARCHIVE_UNSAFE, and what opening the layers throws.
 */
export function unpackImage(image: Image, directory: string, ctx: Context): Promise<RootedTree> {
  const platform = formatPlatform(image.descriptor.platform);
  return runTask(ctx.emit, "unpack the image", { platform }, async (task) => {
    mkdirSync(directory, 0o755);
    const tree = new RootedTree(directory, "The image");
    const applier = new LayerApplier(tree, { chown: process.geteuid?.() === 0 });
    const total = image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    let done = 0;
    for (const layer of image.layers) {
      tree.source = `The layer ${shortDigest(layer.descriptor.digest)}`;
      const source = await layer.open(ctx.signal);
      await applier.apply(source, { diffID: layer.diffID, signal: ctx.signal });
      done += layer.descriptor.size;
      task.progress(done, total, "bytes");
    }
    tree.source = "The image";
    await setAttributes(tree, applier.attributes, ctx);
    applier.finish();
    if (applier.leftOut > 0) {
      const message = `${applier.leftOut} devices and FIFOs of the image's layers were left out.`;
      ctx.emit({ type: "log", level: "debug", message });
    }
    return tree;
  });
}

/** Reads NUL-separated path, name and value (hexadecimal) triples. */
const setter = `import os,sys
f=sys.stdin.buffer.read().split(b"\\0")
for i in range(0,len(f)-1,3): os.setxattr(f[i],f[i+1],bytes.fromhex(f[i+2].decode()),follow_symlinks=False)`;

/** Node.js can't set extended attributes: setfattr or Python does where one of them is there, else they are left out. */
async function setAttributes(
  tree: RootedTree,
  attributes: readonly WantedAttribute[],
  ctx: Context,
): Promise<void> {
  if (attributes.length === 0) return;
  const triples = attributes.flatMap(({ place, name, value }) => [
    tree.absolute(place),
    name,
    value.toString("hex"),
  ]);
  const restore = attributes.map(
    ({ place, name, value }) =>
      `# file: ${escapePath(tree.absolute(place))}\n${name}=0x${value.toString("hex")}\n\n`,
  );
  const ways: readonly (readonly [string, readonly string[], string])[] = [
    ["setfattr", ["-h", "--restore=-"], restore.join("")],
    ["python3", ["-c", setter], `${triples.join("\0")}\0`],
  ];
  for (const [program, args, input] of ways) {
    try {
      if ((await ctx.host.exec(program, args, { input, signal: ctx.signal })).code === 0) return;
    } catch {
      ctx.signal.throwIfAborted();
    }
  }
  const message = `${attributes.length} extended attributes (such as file capabilities) could not be set.`;
  ctx.emit({ type: "log", level: "info", message });
}

/** As setfattr --restore reads names: backslash, newline and "=" by their octal codes. */
function escapePath(path: string): string {
  return path.replaceAll(/[\\\n\r=]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
