import { existsSync } from "node:fs";
import { AnyarchError } from "../index.ts";

/** Where builds put an image, and commands look for one, where nothing else is said. */
export const defaultImage = "dist/image";

/** The image that is meant. Throws LOCATION_INVALID where none is named and none was built. */
export function givenImage(image: unknown): string {
  if (typeof image === "string" && image !== defaultImage) return image;
  if (existsSync(defaultImage)) return defaultImage;
  throw new AnyarchError("LOCATION_INVALID", `There is no image at ${defaultImage} in this directory.`, {
    hint: "Build one with `anyarch build`, or name an image: a registry reference, oci:DIR[:TAG], an archive or a layout's directory.",
  });
}
