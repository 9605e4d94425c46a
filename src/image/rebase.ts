import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, samePlatform } from "../oci/platform.ts";
import { alignedHistory, appendLayers, type Image, mutateConfig, setAnnotations } from "./image.ts";

/**
 * The image on another base: the layers and history that `image` has on top of `oldBase`, on top of `newBase`,
 * with the run config, author, time and annotations of `image`. No bytes of layers change, which is right only where the new base is
 * compatible with the old one (a patched release of it).
 *
 * Throws BASE_MISMATCH where `image` doesn't begin with the layers of `oldBase`, or platforms differ.
 */
export function rebase(image: Image, oldBase: Image, newBase: Image): Image {
  const fail = (why: string): never => {
    throw new AnyarchError("BASE_MISMATCH", `The image ${image.descriptor.digest} can't be rebased: ${why}.`);
  };
  const { platform } = image.descriptor;
  if (!samePlatform(platform, newBase.descriptor.platform))
    fail(
      `it is for ${formatPlatform(platform)}, the new base for ${formatPlatform(newBase.descriptor.platform)}`,
    );
  const below = oldBase.layers.length;
  const isPrefix = oldBase.layers.every(({ diffID }, index) => image.layers[index]?.diffID === diffID);
  if (!isPrefix) fail(`its first ${below} layers aren't those of ${oldBase.descriptor.digest}`);
  const history = alignedHistory(image);
  const own: typeof history = history.slice(historyLength(history, below, alignedHistory(oldBase).length));
  let index = below;
  let result = newBase;
  for (const step of own) {
    const layer = image.layers[index];
    if (step.empty_layer === true || layer === undefined) {
      const before = alignedHistory(result);
      result = mutateConfig(result, (config) => ({ ...config, history: [...before, step] }));
    } else {
      result = appendLayers(result, [{ layer, history: step }]);
      index++;
    }
  }
  const { config, created, author } = image.config;
  result = mutateConfig(result, ({ config: _config, created: _created, author: _author, ...rest }) => ({
    ...rest,
    ...(created !== undefined && { created }),
    ...(author !== undefined && { author }),
    ...(config && { config }),
  }));
  return setAnnotations(result, image.manifest.annotations ?? {});
}

/** How many entries of `history` belong to the old base: its own number, if that covers its layers exactly. */
function historyLength(
  history: readonly { readonly empty_layer?: boolean }[],
  layers: number,
  guess: number,
): number {
  const steps = (end: number): number =>
    history.slice(0, end).filter((step) => step.empty_layer !== true).length;
  if (steps(guess) === layers) return guess;
  let end = 0;
  while (end < history.length && steps(end) < layers) end++;
  return end;
}
