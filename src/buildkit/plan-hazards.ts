import { relative } from "node:path";
import { hazardsOf } from "../diagnose/check-dockerfile.ts";
import type { Context } from "../host/context.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import type { DockerfilePlan, PlannedHazard } from "./dockerfile-plan.ts";

/** How many hazards a build spells out before it starts; `anyarch check` shows them all. */
const shown = 5;

/** What `check` sees in the Dockerfile for the platforms asked for, with a path as the user would write it. */
export function hazardsFor(request: DockerfileRequest, text: string, cwd: string): readonly PlannedHazard[] {
  const path = relative(cwd, request.dockerfile);
  const file = path.startsWith("..") ? request.dockerfile : path;
  return hazardsOf(
    file,
    text,
    request.platforms.map(({ platform }) => platform),
  );
}

/** Without the hazards of emulation where the platforms that they are of are built without it. */
export function withRelevantHazards(plan: DockerfilePlan): DockerfilePlan {
  const emulated = new Set(
    plan.platforms
      .filter(({ candidates }) => candidates[0]?.placement === "emulated")
      .map(({ platform }) => platform),
  );
  const hazards = plan.hazards.filter(
    ({ rule, platforms }) =>
      !rule.endsWith("-under-emulation") || platforms.some((platform) => emulated.has(platform)),
  );
  return { ...plan, hazards };
}

/** Says the hazards before anything is built. */
export function warnOfHazards(plan: DockerfilePlan, ctx: Context): void {
  for (const { rule, file, line, message } of plan.hazards.slice(0, shown)) {
    ctx.emit({ type: "log", level: "warning", message: `${file}:${line}: ${message} [${rule}]` });
  }
  const more = plan.hazards.length - shown;
  if (more > 0)
    ctx.emit({ type: "log", level: "warning", message: `${more} more hazards: see \`anyarch check\`.` });
}
