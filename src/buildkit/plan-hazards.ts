import { relative } from "node:path";
import type { Context } from "../host/context.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { remoteContext } from "../plan/dockerfile-sources.ts";
import type { DockerfilePlan, PlannedHazard } from "./dockerfile-plan.ts";

/** How many hazards a build spells out before it starts; `anyarch check` shows them all. */
const shown = 5;

/**
 * What `check` sees in the Dockerfile for the platforms asked for, with a path as the user would write it. Begins after
 * what is under way: loading and trying the rules takes longer than all else here, while builders are waited for.
 */
export async function hazardsFor(
  request: DockerfileRequest,
  text: string,
  cwd: string,
): Promise<readonly PlannedHazard[]> {
  await new Promise(setImmediate);
  const { hazardsOf } = await import("../diagnose/check-dockerfile.ts");
  const path = relative(cwd, request.dockerfile);
  const file = path.startsWith("..") ? request.dockerfile : path;
  const { openContext } = await import("../diagnose/files/context-root.ts");
  const { context, dockerfile } = request;
  return hazardsOf(file, text, {
    platforms: request.platforms.map(({ platform }) => platform),
    context: () => (remoteContext(context) === undefined ? openContext(context, dockerfile) : undefined),
  });
}

/** Without the hazards of emulation where the platforms that they are of are built without it. */
export function withRelevantHazards(plan: DockerfilePlan): DockerfilePlan {
  const emulated = new Set(
    plan.platforms
      .filter(({ candidates }) => candidates[0]?.placement === "emulated")
      .map(({ platform }) => platform),
  );
  const hazards = plan.hazards.flatMap((hazard) => {
    if (!hazard.rule.endsWith("-under-emulation")) return [hazard];
    const platforms = hazard.platforms.filter((platform) => emulated.has(platform));
    return platforms.length === 0 ? [] : [{ ...hazard, platforms }];
  });
  return { ...plan, hazards };
}

/** Says before anything is built what emulation costs, and what of the Dockerfile fits a platform badly. */
export function warnBeforeBuild({ platforms, hazards }: DockerfilePlan, ctx: Context): void {
  for (const { platform, warning } of platforms)
    if (warning !== undefined) ctx.emit({ type: "log", level: "warning", platform, message: warning });
  for (const { rule, file, line, message } of hazards.slice(0, shown)) {
    const text = `${file}:${line} ${message}`;
    ctx.emit({ type: "diagnostic", severity: "warning", code: rule, message: text });
  }
  const more = hazards.length - shown;
  if (more > 0)
    ctx.emit({ type: "log", level: "warning", message: `${more} more hazards: see \`anyarch check\`.` });
}
