import type { FailedStep } from "../diagnose/diagnosis.ts";

const pattern =
  /^\[(?:(?<platform>[a-z0-9]+\/[a-z0-9]+(?:\/[a-z0-9.]+)?)(?:->[a-z0-9/.]+)?\s+)?(?:(?<stage>\S+)\s+)?(?<index>\d+)\/(?<total>\d+)\]\s+(?<command>[\s\S]*)$/;

/**
 * The instruction that a vertex stands for: "[linux/arm64 builder 4/7] RUN npm ci". A stage without a name is
 * "stage-1" in BuildKit; the last stage of a file with only one has none. Undefined for what BuildKit does for itself
 * ("[internal] …", "exporting to image").
 */
export function stepOfVertex(name: string): FailedStep | undefined {
  const groups = pattern.exec(name)?.groups;
  if (groups === undefined) return undefined;
  const { stage, index, total, command = "" } = groups;
  return {
    ...(stage !== undefined && { stage }),
    index: Number(index),
    total: Number(total),
    command: command.trim(),
  };
}

/** "builder 4/7", "4/7". */
function formatStepPosition({ stage, index, total }: FailedStep): string {
  const place = index === undefined ? undefined : total === undefined ? `${index}` : `${index}/${total}`;
  return [stage, place].filter((part) => part !== undefined).join(" ");
}

/** "[builder 4/7] RUN npm ci". */
export function formatStep(step: FailedStep): string {
  const position = formatStepPosition(step);
  return [position === "" ? undefined : `[${position}]`, step.command]
    .filter((part) => part !== undefined)
    .join(" ");
}

const longestName = 160;

/** What a vertex is called while it runs: without its platform, which is told beside it, and cut where it is long. */
export function taskName(name: string, platform: string): string {
  const own = withShortDigests(name.replace(`[${platform} `, "["));
  return own.length > longestName ? `${own.slice(0, longestName)}…` : own;
}

/** "debian:12@sha256:d1f2…" for "debian:12@sha256:" and 64 digits: for people, who only compare them. */
export function withShortDigests(text: string): string {
  return text.replace(/@sha256:([0-9a-f]{12})[0-9a-f]{52}\b/g, "@sha256:$1…");
}
