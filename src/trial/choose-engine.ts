import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { parsePlatform, type Platform } from "../oci/platform.ts";
import { type EngineName, engineNames, type OpenTrialOptions } from "./trial.ts";

/** An engine that answers, and the platform of the machine that it runs containers on. */
export interface UsableEngine {
  readonly name: EngineName;
  /** Of the server; absent for runc, and where an engine doesn't say it. */
  readonly platform?: Platform;
  /** Of the machine that it runs containers on: "6.10.14-linuxkit"; absent where the engine doesn't say it. */
  readonly kernel?: string;
}

/** Longer than a working daemon takes to answer. */
const answerWithinMs = 8000;

const questions: Readonly<Record<EngineName, readonly string[]>> = {
  docker: ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}} {{.Server.KernelVersion}}"],
  podman: ["info", "--format", "{{.Version.OsArch}} {{.Host.Kernel}}"],
  runc: ["--version"],
};

/** The engine asked for, or the first that works. Throws TRIAL_ENGINE_MISSING with what each of them says. */
export async function chooseEngine(options: OpenTrialOptions, ctx: Context): Promise<UsableEngine> {
  const { engine = "auto", emulator } = options;
  if (emulator !== undefined && (engine === "docker" || engine === "podman")) {
    throw new AnyarchError("USAGE", `--emulator works with runc, not with ${engine}.`, {
      hint: "docker and podman use what is registered in the kernel; leave --engine out, or say --engine runc.",
    });
  }
  const names = engine === "auto" ? (emulator === undefined ? engineNames : (["runc"] as const)) : [engine];
  const refusals: string[] = [];
  for (const name of names) {
    const answer = await ask(name, ctx);
    if (typeof answer === "object") return answer;
    refusals.push(`${name}: ${answer}`);
  }
  const [only, ...others] = refusals;
  const message =
    only !== undefined && others.length === 0
      ? `${only.replace(":", " can't be used here:")}.`
      : `No container engine can be used here: ${refusals.join("; ")}.`;
  throw new AnyarchError("TRIAL_ENGINE_MISSING", message, { details: { engines: refusals } });
}

async function ask(name: EngineName, ctx: Context): Promise<UsableEngine | string> {
  if (name === "runc" && ctx.host.os !== "linux") return "it runs on Linux only";
  const asked = performance.now();
  try {
    const result = await ctx.host.exec(name, questions[name], {
      signal: ctx.signal,
      timeoutMs: answerWithinMs,
    });
    if (result.code !== 0 && performance.now() - asked >= answerWithinMs) {
      const message = `${name} doesn't answer: its daemon hangs, or DOCKER_HOST names one that does.`;
      ctx.emit({ type: "log", level: "warning", message });
      return `it didn't answer within ${answerWithinMs / 1000} s`;
    }
    if (result.code !== 0) return firstLine(result.stderr) || `it exits with ${result.code}`;
    if (name === "runc") return { name };
    const [words = "", kernel] = result.stdout.trim().split(/\s+/);
    const platform = platformIn(words);
    return { name, ...(platform && { platform }), ...(kernel !== undefined && { kernel }) };
  } catch (error) {
    ctx.signal.throwIfAborted();
    return error instanceof AnyarchError && error.code === "COMMAND_MISSING"
      ? "it isn't installed"
      : String(error instanceof Error ? error.message : error);
  }
}

function platformIn(text: string): Platform | undefined {
  try {
    return parsePlatform(text.trim());
  } catch {
    return undefined;
  }
}

function firstLine(text: string): string {
  return (text.trim().split("\n")[0] ?? "").replace(/\.$/, "");
}
