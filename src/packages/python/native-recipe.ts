import { createHash } from "node:crypto";
import { join } from "node:path";
import type { AnyarchError } from "../../errors/error.ts";
import type { Context } from "../../host/context.ts";
import { formatPlatform } from "../../oci/platform.ts";
import type { BuildChoice, SourceChoice } from "./select.ts";
import type { PythonTarget } from "./target.ts";
import type { WheelStage } from "./wheel-dockerfile.ts";

/** How a source archive is built for a target. */
export interface NativeRecipe {
  readonly python: PythonTarget;
  readonly stage: WheelStage;
}

/**
 * Where the wheel of a source is kept: all that it depends on is in the name, so that it needn't be built again, be it
 * for another application. `sha256` is the source archive's.
 */
export function wheelDirectory(sha256: string, { python, stage }: NativeRecipe, ctx: Context): string {
  const { platform, libc, implementation } = python;
  const { image, packages } = stage;
  const interpreter = [implementation, python.python, libc.family, libc.version];
  const parts = [1, sha256, formatPlatform(platform), ...interpreter, image, packages.toSorted()];
  const key = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return join(ctx.host.cacheDir, "python", "native", key);
}

/** A name that neither a Dockerfile nor a shell takes for more than a name. */
export function sourceName(filename: string): string {
  return filename.replace(/[^\w.+-]/g, "_");
}

/** The source as it would be without a builder, with the reason why it stays one. */
export function unbuilt({ source }: BuildChoice, error: AnyarchError | undefined): SourceChoice {
  const message = error?.message ?? "no builder is there";
  return { ...source, unbuilt: { message, ...(error?.hint !== undefined && { hint: error.hint }) } };
}
