import type { Command } from "commander";
import { AnyarchError, type RunOptions } from "../index.ts";

/** How images are run, for all commands that run them. */
export function engineFlags(cli: Command): Command {
  return cli
    .option("--engine <name>", "auto, docker, podman or runc", "auto")
    .option("--emulator <path>", "a static emulator (qemu-aarch64-static) for the platform, with runc");
}

/** Throws USAGE. */
export function engineOptions(
  flags: Readonly<Record<string, unknown>>,
): Pick<RunOptions, "engine" | "emulator"> {
  const engine = (["auto", "docker", "podman", "runc"] as const).find((name) => name === flags["engine"]);
  if (engine === undefined) {
    const given = String(flags["engine"]);
    throw new AnyarchError("USAGE", `--engine is "${given}", not auto, docker, podman or runc.`);
  }
  const { emulator } = flags;
  return { engine, ...(typeof emulator === "string" && { emulator }) };
}
