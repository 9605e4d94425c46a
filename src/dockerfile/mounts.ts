import type { Instruction } from "./dockerfile.ts";

/** A `RUN --mount` that brings files: a bind mount of the context, of a stage or of an image. */
export interface BindMount {
  /** As written; "" for the build context. */
  readonly from: string;
  /** As written; absent where the whole is mounted. */
  readonly source?: string;
  readonly target: string;
}

/** The bind mounts of a RUN, as written. `type=bind` is the default; caches, secrets and tmpfs bring nothing. */
export function mountsOf(instruction: Instruction): BindMount[] {
  if (instruction.keyword !== "RUN") return [];
  return instruction.flags.flatMap(({ name, value }): BindMount[] => {
    if (name !== "mount" || value === undefined) return [];
    const options = new Map(
      value.split(",").map((part): [string, string] => {
        const equals = part.indexOf("=");
        return equals < 0
          ? [part.trim().toLowerCase(), ""]
          : [part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1)];
      }),
    );
    if ((options.get("type") ?? "bind") !== "bind") return [];
    const source = options.get("source") ?? options.get("src");
    return [
      {
        from: options.get("from") ?? "",
        target: options.get("target") ?? options.get("dst") ?? options.get("destination") ?? "/",
        ...(source !== undefined && { source }),
      },
    ];
  });
}
