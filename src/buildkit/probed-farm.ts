import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import type { DockerfileBuildOptions } from "./build-options.ts";
import { currentMode } from "./environment.ts";
import type { Farm } from "./node.ts";
import { openFarm } from "./open-farm.ts";

/** Opens the farm as a task that people see, and says what of it can't be used. Throws what openFarm throws. */
export async function probedFarm(
  request: Parameters<typeof openFarm>[0],
  { stores }: DockerfileBuildOptions,
  ctx: Context,
): Promise<Farm> {
  const { credentials } = stores;
  const farm = await runTask(ctx.emit, "probe builders", {}, async (task) => {
    const opened = await openFarm(request, { ...(credentials && { credentials }) }, ctx);
    task.detail(`${opened.nodes.length} of ${opened.nodes.length + opened.unreachable.length}`);
    return opened;
  });
  sayMode(farm, ctx);
  for (const { error } of farm.unreachable) {
    ctx.emit({ type: "log", level: "warning", message: error.message });
  }
  return farm;
}

/** Where builds don't run in what looks like this machine: paths and localhost mean something else there. */
function sayMode({ nodes }: Farm, ctx: Context): void {
  const { kind, text } = currentMode(ctx);
  const usesDocker = nodes.some(({ facts }) => facts.driver.startsWith("docker"));
  if (kind === "container-with-docker-socket" && usesDocker)
    ctx.emit({ type: "log", level: "info", message: text });
}
