import { runLimited, type LimitedResult } from "../buildkit/run-limited.ts";
import { Limiter } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import { type HostProbe, type ProbeRunOptions, shellWord } from "./probe.ts";

export interface ShellProbeOptions {
  readonly name: string;
  /** What starts a POSIX shell on the machine that reads its script from standard input. */
  readonly command: readonly [string, ...string[]];
  /** Variables of the machine's environment that facts ask for. */
  readonly env?: Readonly<Record<string, string>>;
}

/** sshd takes ten sessions of one login by default. */
const mostSessions = 6;
const missing = 77;
const denied = 78;

/**
 * A machine that is reached by a shell: by ssh, or in namespaces of its own. Scripts go to the shell's standard input,
 * so that no login shell gets to see quotes; a program gets none of it.
 */
export function shellProbe({ name, command, env = {} }: ShellProbeOptions, ctx: Context): HostProbe {
  const [program, ...args] = command;
  const sessions = new Limiter(mostSessions);
  const shell = (script: string, options: ProbeRunOptions = {}): Promise<LimitedResult> => {
    const set = Object.entries(options.env ?? {}).map(
      ([key, value]) => `export ${key}=${shellWord(value)}\n`,
    );
    const input = `{\n${set.join("")}${script}\n} </dev/null\n`;
    const timeoutMs = options.timeoutMs ?? 10_000;
    return sessions.run(() => runLimited(ctx, program, args, { input, timeoutMs }));
  };
  return {
    name,
    local: false,
    shell,
    read: async (path) => {
      const file = shellWord(path);
      const script = `[ -e ${file} ] || exit ${missing}; head -c 262144 ${file} 2>/dev/null || exit ${denied}`;
      const { code, stdout } = await shell(script);
      if (code === missing) return { kind: "missing" };
      return code === 0 ? { kind: "text", text: stdout } : { kind: "denied" };
    },
    readBytes: async (path, length) => {
      const { code, stdout } = await shell(`od -An -v -tx1 -N${length} ${shellWord(path)} 2>/dev/null`);
      return code === 0 ? Buffer.from(stdout.replaceAll(/\s/g, ""), "hex") : undefined;
    },
    list: async (path) => {
      const { code, stdout } = await shell(`ls -1A ${shellWord(path)} 2>/dev/null`);
      return code === 0 ? stdout.split("\n").filter(Boolean) : undefined;
    },
    run: async (wanted, words, options) => {
      const line = [wanted, ...words].map(shellWord).join(" ");
      const result = await shell(
        `command -v ${shellWord(wanted)} >/dev/null 2>&1 || exit ${missing}\n${line}`,
        options,
      );
      return result.code === missing ? undefined : result;
    },
    env: (key) => env[key],
  };
}
