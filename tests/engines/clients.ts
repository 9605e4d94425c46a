import type { ExecResult } from "../../src/host/exec.ts";
import { needEngine, type EngineName } from "./install.ts";
import { run, type RunOptions } from "./process.ts";
import type { Registry } from "./registry.ts";

export interface ClientOptions extends RunOptions {
  /** Trust its certificate and log in. */
  readonly registry?: Pick<Registry, "env">;
}

async function runClient(
  name: EngineName,
  args: readonly string[],
  { registry, ...options }: ClientOptions,
): Promise<ExecResult> {
  const program = (await needEngine(name)).program(name);
  return await run(program, args, { ...options, env: { ...registry?.env, ...options.env } });
}

/** Runs crane. Throws on a non-zero exit, unless `anyExit`. */
export function crane(args: readonly string[], options: ClientOptions = {}): Promise<ExecResult> {
  return runClient("crane", args, options);
}

/** Runs skopeo 1.9; any signature policy is switched off. For plain HTTP it needs `--dest-tls-verify=false`. */
export function skopeo(args: readonly string[], options: ClientOptions = {}): Promise<ExecResult> {
  return runClient("skopeo", args, options);
}

/** Runs umoci 0.4. */
export function umoci(args: readonly string[], options: ClientOptions = {}): Promise<ExecResult> {
  return runClient("umoci", args, options);
}
