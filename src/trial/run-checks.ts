import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform } from "../oci/platform.ts";
import {
  type CheckResult,
  type CheckScene,
  type CommandCheck,
  isMachineOf,
  type TrialChecks,
} from "./checks.ts";
import { lastLines, timed, told } from "./check-result.ts";
import { checkService } from "./check-service.ts";
import { readImageContent } from "./image-content.ts";
import type { ProcessEnd, ProcessOptions } from "./trial-process.ts";
import type { Trial, TrialSource } from "./trial.ts";

/** Makes all checks of one platform, in turn. A check that can't be made has failed. */
export function runChecks(
  source: TrialSource,
  trial: Trial,
  checks: TrialChecks,
  ctx: Context,
): Promise<readonly CheckResult[]> {
  const platform = formatPlatform(trial.platform);
  return runTask(ctx.emit, "try the image", { platform }, async (task) => {
    const content = await readImageContent(source.image, ctx);
    const scene: CheckScene = { content, trial, checks };
    const results: CheckResult[] = [];
    if (checks.expectArch !== false) results.push(await checkArchitecture(scene, ctx));
    for (const path of checks.files) results.push(checkFile(scene, path));
    for (const command of checks.commands) results.push(await checkCommand(scene, command, ctx));
    if (checks.ports.length > 0 || checks.http.length > 0) results.push(...(await checkService(scene, ctx)));
    const failed = results.filter(({ status }) => status === "failed").length;
    task.detail(
      failed === 0
        ? `${results.length} ${results.length === 1 ? "check" : "checks"}`
        : `${failed} of ${results.length} checks failed`,
    );
    return results;
  });
}

async function checkArchitecture(scene: CheckScene, ctx: Context): Promise<CheckResult> {
  const { content, trial } = scene;
  const hasUname = ["bin/uname", "usr/bin/uname"].some((path) => content.has(path));
  if (!hasUname) {
    const { count, errors } = content.elf;
    const [first] = errors;
    const message = first ?? `all ${count} ELF files are for ${formatPlatform(trial.platform)}`;
    return {
      kind: "arch",
      name: "ELF files",
      status: first === undefined ? "ok" : "failed",
      durationMs: 0,
      message,
    };
  }
  return timed("arch", "uname -m", ctx, async () => {
    const end = await runIn(scene, ["uname", "-m"]);
    const machine = end.stdout.trim();
    const right = isMachineOf(machine, trial.platform) ?? machine !== "";
    if (end.code === 0 && right) return { ok: true, message: machine };
    return { ok: false, message: end.code === 0 ? `it says ${machine}` : told(end) };
  });
}

function checkFile({ content }: CheckScene, path: string): CheckResult {
  const found = content.has(path);
  return {
    kind: "file",
    name: path,
    status: found ? "ok" : "failed",
    durationMs: 0,
    ...(!found && { message: "it isn't in the image" }),
  };
}

function checkCommand(scene: CheckScene, check: CommandCheck, ctx: Context): Promise<CheckResult> {
  const { run, words, exit = 0, stdout } = check;
  const hasShell = scene.content.has("bin/sh");
  const args = typeof run !== "string" ? run : hasShell ? ["/bin/sh", "-c", run] : words;
  return timed("command", check.name, ctx, async () => {
    const end = await runIn(scene, args);
    if (end.code !== exit) return { ok: false, message: told(end) };
    if (stdout !== undefined && !end.stdout.includes(stdout)) {
      return { ok: false, message: `its output lacks ${JSON.stringify(stdout)}: ${lastLines(end.stdout)}` };
    }
    return { ok: true };
  });
}

function runIn({ trial, checks }: CheckScene, args: readonly string[]): Promise<ProcessEnd> {
  const { env, network, timeoutMs = 120_000 } = checks;
  const options: ProcessOptions = {
    entrypoint: [],
    command: args,
    timeoutMs,
    ...(env && { env }),
    ...(network !== undefined && { network }),
  };
  return trial.run(options);
}
