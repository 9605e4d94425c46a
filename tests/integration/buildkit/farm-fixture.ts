import { join } from "node:path";
import { openFarm, type FarmOptions } from "../../../src/buildkit/open-farm.ts";
import type { Farm } from "../../../src/buildkit/node.ts";
import { parseBuilderFlag } from "../../../src/buildkit/endpoint.ts";
import type { Context, Host } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import type { Engines } from "../../engines/install.ts";

/** A user of this machine: an empty home, and in PATH the clients that are asked for. */
export function userHost(engines: Engines, home: string, env: NodeJS.ProcessEnv = {}): Host {
  const path = [engines.path, process.env["PATH"] ?? ""].join(":");
  return createNodeHost({
    env: {
      PATH: path,
      HOME: home,
      DOCKER_CONFIG: join(home, ".docker"),
      DOCKER_HOST: "unix:///nonexistent/docker.sock",
      ...env,
    },
    cwd: home,
  });
}

export interface FarmRequest {
  readonly builders: readonly string[];
  readonly platforms?: readonly string[];
  readonly options?: FarmOptions;
  readonly signal?: AbortSignal;
}

/** A farm as `build --builder …` opens it. */
export function farmOf(
  host: Host,
  { builders, platforms = ["linux/amd64"], options = {}, signal }: FarmRequest,
): Promise<Farm> {
  const ctx: Context = createContext(host, signal === undefined ? {} : { signal });
  return openFarm(
    {
      builders: builders.map((text) => ({ ...parseBuilderFlag(text), origin: "flag" as const })),
      platforms: platforms.map((text) => ({ platform: parsePlatform(text), optional: false })),
      jobs: 2,
    },
    options,
    ctx,
  );
}

/** What `Farm.unreachable` says, one line for each node. */
export function failures(farm: Farm): readonly string[] {
  return farm.unreachable.map(({ error }) => `${error.code}: ${error.message}`);
}
