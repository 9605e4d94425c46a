import { AnyarchError } from "../errors/error.ts";
import type { RunConfig } from "../oci/image-config.ts";

/** What is run in an image, beside what its config says. */
export interface ProcessOptions {
  /** In place of the image's Cmd. */
  readonly command?: readonly string[];
  /** In place of the image's Entrypoint, whose Cmd then doesn't count; [] for none. */
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** user[:group], by names of the image or numbers. */
  readonly user?: string;
  /** A terminal of its own; standard input and output must be one. */
  readonly tty?: boolean;
  /** "inherit" is this process's own, bytes are piped in; "none" by default. */
  readonly stdin?: "inherit" | "none" | Uint8Array;
  /** "inherit" writes to this process's own streams; "capture" (default) gives them in the result. */
  readonly output?: "inherit" | "capture";
  readonly volumes?: readonly VolumeMount[];
  readonly ports?: readonly PortMapping[];
  /** "host" by default with runc; with docker and podman, what they do by themselves. */
  readonly network?: string;
  /** Ends the container after so many milliseconds, exit code 124; never by default. */
  readonly timeoutMs?: number;
  /** Called once the container starts, with a way to signal its first process. */
  readonly onStart?: (send: (signal: NodeJS.Signals) => void) => void;
  /** Ends the container without that being a failure: for servers that were looked at. */
  readonly stop?: AbortSignal;
}

export interface VolumeMount {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
}

export interface PortMapping {
  readonly host: number;
  readonly container: number;
  readonly address?: string;
  readonly protocol: "tcp" | "udp";
}

/** How a container's first process ended. */
export interface ProcessEnd {
  /** 128 + signal number where a signal ended it; 124 past the time limit. */
  readonly code: number;
  /** "" where the output was inherited. */
  readonly stdout: string;
  readonly stderr: string;
  /** From start to end, the container's own start included. */
  readonly durationMs: number;
}

export const timedOutCode = 124;

/** The words of the process. Throws TRIAL_NO_COMMAND where neither the image nor the options have any. */
export function processArguments(config: RunConfig, options: ProcessOptions): readonly string[] {
  const own = options.entrypoint ?? config.Entrypoint ?? [];
  const rest = options.command ?? (options.entrypoint === undefined ? (config.Cmd ?? []) : []);
  const args = [...own, ...rest];
  if (args.length === 0 || args[0] === "") {
    throw new AnyarchError("TRIAL_NO_COMMAND", "The image names no command, and none was given.");
  }
  return args;
}

export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** NAME=value lines: the image's own, then those given; PATH, HOME and TERM where nobody says them. */
export function processEnvironment(
  config: RunConfig,
  options: ProcessOptions,
  home: string,
): Readonly<Record<string, string>> {
  const own = Object.fromEntries(
    (config.Env ?? []).map((line) => {
      const equals = line.indexOf("=");
      return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
  const term = options.tty === true ? { TERM: "xterm" } : {};
  return { PATH: defaultPath, HOME: home, ...term, ...own, ...options.env };
}

/** "SOURCE:TARGET[:ro]"; relative sources are of `cwd`. Throws USAGE. */
export function parseVolume(text: string, resolvePath: (path: string) => string): VolumeMount {
  const [source = "", target = "", mode = "rw", ...more] = text.split(":");
  const modes = mode.split(",");
  if (
    source === "" ||
    !target.startsWith("/") ||
    more.length > 0 ||
    !modes.every((one) => /^(?:ro|rw|z|Z)$/.test(one))
  ) {
    throw new AnyarchError("USAGE", `--volume "${text}" isn't SOURCE:/TARGET or SOURCE:/TARGET:ro.`, {
      hint: "SOURCE is a file or directory of this machine, TARGET an absolute path in the container.",
    });
  }
  return { source: resolvePath(source), target, readOnly: modes.includes("ro") };
}

/** "[[ADDRESS:]HOST:]CONTAINER[/udp]". Throws USAGE. */
export function parsePort(text: string): PortMapping {
  const match = /^(?:(?:([\d.]+|\[[\da-f:]+\]):)?(\d+):)?(\d+)(?:\/(tcp|udp))?$/i.exec(text);
  const [, address, host, container, protocol = "tcp"] = match ?? [];
  const ports = [Number(host ?? container), Number(container)] as const;
  if (match === null || ports.some((port) => port < 1 || port > 65_535)) {
    throw new AnyarchError(
      "USAGE",
      `--port "${text}" isn't [[ADDRESS:]HOST:]CONTAINER[/udp], as in 8080:80.`,
    );
  }
  return {
    host: ports[0],
    container: ports[1],
    protocol: protocol.toLowerCase() as "tcp" | "udp",
    ...(address !== undefined && { address }),
  };
}
