import * as v from "valibot";
import { readPlatforms } from "../../buildkit/buildx-inspect.ts";
import { readBuilders } from "../../buildkit/discovery.ts";
import type { Platform } from "../../oci/platform.ts";
import type { Examination } from "../check.ts";
import { compare } from "./interpreter.ts";

/** The buildx command, as far as it is there. */
export interface Buildx {
  /** ["docker", "buildx"] or ["docker-buildx"]. */
  readonly command: readonly [string, ...string[]];
  readonly version: string;
  readonly newEnough: boolean;
}

export interface BuilderNode {
  readonly name: string;
  readonly endpoint: string;
  /** "running", "inactive", "stopped", "error" */
  readonly status: string;
  readonly error?: string;
  readonly version?: string;
  /** Those it was labelled with, and those its daemon says. */
  readonly platforms: readonly Platform[];
}

export interface Builder {
  readonly name: string;
  readonly driver: string;
  readonly current: boolean;
  readonly error?: string;
  readonly nodes: readonly BuilderNode[];
}

/** The first with `--progress=rawjson`. */
const oldest = "0.15";

/** The plugin, or the program by itself; undefined without. */
export async function buildx({ probe }: Examination): Promise<Buildx | undefined> {
  const ways = [["docker", "buildx"], ["docker-buildx"], ["buildx"]] as const;
  for (const command of ways) {
    const [program, ...prefix] = command;
    const result = await probe.run(program, [...prefix, "version"]);
    const version = result?.code === 0 ? /buildx\S*\s+v?(\d\S*)/.exec(result.stdout)?.[1] : undefined;
    if (version === undefined) continue;
    // Builds of its source carry no version.
    const newEnough = version.startsWith("0.0.0") || compare(version, oldest) >= 0;
    return { command, version, newEnough };
  }
  return undefined;
}

/** All that buildx lists; it starts none. Undefined where it can't list them (an old one, or a builder that hangs). */
export async function builders(x: Examination): Promise<readonly Builder[] | undefined> {
  const found = await x.fact(buildx);
  if (found === undefined) return [];
  const [program, ...prefix] = found.command;
  const result = await x.probe.run(program, [...prefix, "ls", "--format", "json"], { timeoutMs: 25_000 });
  if (result?.code !== 0) return undefined;
  return readBuilders(result.stdout).map((builder) => ({
    name: builder.Name,
    driver: builder.Driver ?? "",
    current: builder.Current === true,
    ...(builder.Err && { error: builder.Err }),
    nodes: (builder.Nodes ?? []).map((node) => ({
      name: node.Name ?? builder.Name,
      endpoint: node.Endpoint ?? "",
      status: node.Status ?? "",
      ...(node.Err && { error: node.Err }),
      ...(typeof node["Version"] === "string" && { version: node["Version"] }),
      platforms: readPlatforms(v.parse(listSchema, node["Platforms"])),
    })),
  }));
}

const listSchema = v.fallback(v.array(v.string()), []);
