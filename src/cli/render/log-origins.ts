import type { BuildEvent } from "../../index.ts";

type LogEvent = Extract<BuildEvent, { type: "log" }>;

/**
 * Says before a line of a log where it comes from, as far as that isn't clear: the platform where a build has several,
 * the builder where a platform was tried on several, the step of a Dockerfile always.
 */
export class LogOrigins {
  readonly #nodes = new Map<string, Set<string>>();

  /** Learns of platforms and builders. */
  see(event: BuildEvent): void {
    if (event.type !== "task.started" && event.type !== "log") return;
    if (event.platform === undefined) return;
    let nodes = this.#nodes.get(event.platform);
    if (nodes === undefined) this.#nodes.set(event.platform, (nodes = new Set()));
    if (event.type === "log" && event.node !== undefined) nodes.add(event.node);
  }

  /** "linux/arm64 builder 4/7 │ text"; for what isn't a program's output "linux/arm64  text". */
  label(event: LogEvent, text: string): string {
    this.see(event);
    const { platform, node, step } = event;
    if (step === undefined) return platform === undefined ? text : `${platform}  ${text}`;
    const place = step.index === undefined ? undefined : `${step.index}/${step.total ?? "?"}`;
    const parts = [
      this.#nodes.size > 1 ? platform : undefined,
      this.#severalNodes(platform) ? node : undefined,
      step.stage,
      place,
    ].filter((part) => part !== undefined);
    return parts.length === 0 ? text : `${parts.join(" ")} │ ${text}`;
  }

  #severalNodes(platform: string | undefined): boolean {
    return platform !== undefined && (this.#nodes.get(platform)?.size ?? 0) > 1;
  }
}
