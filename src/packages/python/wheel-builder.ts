import type { AnyarchError } from "../../errors/error.ts";
import type { Context } from "../../host/context.ts";
import type { Platform } from "../../oci/platform.ts";
import type { WheelStage } from "./wheel-dockerfile.ts";

/** How a machine comes to run the build: on its own CPU, or by an emulator. */
export interface WheelSite {
  readonly node: string;
  readonly placement: "native" | "cross" | "emulated";
}

/** A source archive, to be made a wheel for each of some platforms. */
export interface WheelOrder {
  readonly dockerfile: string;
  /** A directory that holds the source archive and nothing else. */
  readonly context: string;
  readonly platforms: readonly Platform[];
  /** Name of a build secret → absolute path of its file. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface BuiltWheel extends WheelSite {
  /** Absolute; gone with the builder. */
  readonly path: string;
}

/** Builds wheels where their source has to be compiled: on machines of each platform. This folder knows of none. */
export interface WheelBuilder {
  /** The image that was named to build in, with its digest, or undefined: that of the application. Throws what its registry does. */
  image(ctx: Context): Promise<string | undefined>;
  readonly packages: WheelStage["packages"];
  /** Where a Dockerfile would be built, by normalised platform, or why nowhere; may be asked for several times. */
  place(
    dockerfile: string,
    platforms: readonly Platform[],
    ctx: Context,
  ): Promise<ReadonlyMap<string, WheelSite | AnyarchError>>;
  /** The wheel of each platform, whose native code was proved to be for it, or what its build failed with. */
  build(order: WheelOrder, ctx: Context): Promise<ReadonlyMap<string, BuiltWheel | AnyarchError>>;
}
