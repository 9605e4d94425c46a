import type { LogStep } from "./log-line.ts";

const platform =
  /^(?:linux|windows|darwin|freebsd|wasi|wasip1)\/[a-z0-9_]{2,12}(?:\/[a-z0-9]{1,4})?(?:->[a-z0-9_/]{2,24})?$/;
const instruction =
  /^(?:FROM|RUN|COPY|ADD|ENV|ARG|WORKDIR|USER|CMD|ENTRYPOINT|LABEL|EXPOSE|VOLUME|SHELL|ONBUILD|STOPSIGNAL|HEALTHCHECK|MAINTAINER)\b/i;

/** Whether a text begins as an instruction of a Dockerfile does. */
export function isInstruction(text: string): boolean {
  return instruction.test(text);
}

/**
 * Reads BuildKit's name of a step, "[linux/arm64 builder 4/7] RUN npm ci"; with bake and compose a target's name goes
 * before. "[linux/amd64->arm64 …]" runs on the first and builds for the second.
 */
export function parseStepName(text: string): LogStep | undefined {
  const parts = /^\[([^\]]{1,200})\] ?(.*)$/.exec(text);
  if (parts === null) return undefined;
  const words = (parts[1] ?? "").trim().split(/\s+/);
  const step: LogStep = {};
  const count = /^(\d{1,4})\/(\d{1,4})$/.exec(words.at(-1) ?? "");
  if (count !== null) {
    step.index = Number(count[1]);
    step.total = Number(count[2]);
    words.pop();
  }
  const at = words.findIndex((word) => platform.test(word));
  if (at >= 0) {
    setPlatform(step, words[at] ?? "");
    words.splice(at, 1);
  }
  const name = words.at(-1);
  if (name !== undefined && name !== "internal" && name !== "auth") step.stage = name;
  const command = (parts[2] ?? "").replace(/:$/, "").trim();
  if (command !== "") step.command = command;
  const known = count !== null || at >= 0 || isInstruction(command);
  return known || name === "internal" || name === "auth" ? step : undefined;
}

/** "linux/amd64" or "linux/amd64->arm64/v7". */
function setPlatform(step: LogStep, text: string): void {
  const [from = "", to] = text.split("->");
  if (to === undefined) {
    step.platform = from;
    return;
  }
  step.runsOn = from;
  step.platform = to.startsWith("linux/") ? to : `${from.split("/")[0]}/${to}`;
}
