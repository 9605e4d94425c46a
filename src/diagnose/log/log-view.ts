import type { KnownFacts } from "../diagnosis.ts";
import type { LogLine, LogStep } from "./log-line.ts";

/** What is kept of a log, and what it says of host, platforms and emulation. */
export interface LogView {
  readonly lines: readonly LogLine[];
  /** Instructions and commands that were run, as far as the log repeats them. */
  readonly commands: readonly string[];
  readonly failed: LogStep | undefined;
  /** The last step with output of which the log doesn't tell how it ended. */
  readonly running: LogStep | undefined;
  readonly known: KnownFacts;
  /** CPU of the machine that builds, where the log tells: "amd64". */
  readonly hostCpu: string | undefined;
  /** Platforms that were asked for on a command line, or named by the steps. */
  readonly platforms: readonly string[];
  /** An emulator spoke in this log. */
  readonly emulator: boolean;
  /** An emulator was set up before the build. */
  readonly emulatorSetUp: boolean;
  /** Whether any line, command or platform's name matches. */
  has(pattern: RegExp): boolean;
}

const emulatorSpeaks =
  /\bqemu: |qemu-(?:aarch64|arm|x86_64|i386|ppc64le|s390x|riscv64|mips\w*)(?:-static)?\b|uncaught target signal|buildkit[-_]qemu|rosetta error|\bunder (?:qemu|emulation|rosetta)\b|requested image's platform \(|does not match the (?:detected )?(?:host|expected) platform|requested platform .{0,40}does not match/i;
const emulatorReady =
  /setup-qemu|setting up qemu|set up qemu|qemu-user-static|tonistiigi\/binfmt|installing: (?:arm|aarch|amd|riscv|ppc|s390)|"emulators":|docker\/binfmt/i;

const machines: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  amd64: "amd64",
  x64: "amd64",
  aarch64: "arm64",
  arm64: "arm64",
};

const hostPatterns: readonly RegExp[] = [
  /does not match the detected host platform \(linux\/(\w+)/,
  /does not match the expected platform, \S+ linux\/(\w+)/,
  /\bOS\/Arch: +(?:linux|darwin|windows)\/(\w+)/,
  /\bHost:\s{0,4}linux\/(\w+)/i,
  /\bArchitecture: +(x86_64|aarch64|amd64|arm64)\b/,
  /\b(?:Linux|Darwin) \S+ [\d.]+\S* .{0,120} (x86_64|aarch64|arm64)\b/,
  /\bRunner (?:OS )?arch(?:itecture)?: (x64|arm64)/i,
];

/** Reads the facts of a whole log from the lines that were kept. */
export function viewLog(
  lines: readonly LogLine[],
  commands: readonly string[],
  failed: LogStep | undefined,
  known: KnownFacts,
): LogView {
  const output = lines.filter(({ kind }) => kind === "output");
  const platforms = new Set<string>();
  if (known.platform !== undefined) platforms.add(known.platform);
  for (const { step } of lines) if (step?.platform !== undefined) platforms.add(step.platform);
  for (const text of [...commands, ...lines.map((line) => line.text)]) collectPlatforms(text, platforms);
  const any = (pattern: RegExp): boolean =>
    lines.some(({ kind, text }) => kind !== "quote" && pattern.test(text)) ||
    commands.some((text) => pattern.test(text)) ||
    [...platforms].some((name) => pattern.test(name));
  return {
    lines,
    commands,
    failed,
    running: lines.findLast(
      ({ kind, step }) => kind !== "echo" && step?.command !== undefined && step.state === undefined,
    )?.step,
    known,
    hostCpu: hostOf(lines),
    platforms: [...platforms],
    emulator: output.some(({ text }) => emulatorSpeaks.test(text)),
    emulatorSetUp: any(emulatorReady) || lines.some(({ text }) => emulatorReady.test(text)),
    has: any,
  };
}

function hostOf(lines: readonly LogLine[]): string | undefined {
  for (const pattern of hostPatterns) {
    for (const { text } of lines) {
      const cpu = machines[pattern.exec(text)?.[1] ?? ""];
      if (cpu !== undefined) return cpu;
    }
  }
  // BuildKit writes "linux/amd64->arm64" only where the builder itself is amd64.
  for (const { step } of lines) {
    const cpu = machines[step?.runsOn?.split("/")[1] ?? ""];
    if (cpu !== undefined) return cpu;
  }
  const asked = lines.findIndex(({ text }) => /\buname -m$/.test(text));
  const answered = asked < 0 ? undefined : machines[lines[asked + 1]?.text ?? ""];
  if (answered !== undefined && lines[asked]?.step === undefined) return answered;
  if (lines.some(({ text }) => /\bApple (?:M[1-9]|Silicon)\b|\bMacBook\b.{0,60}M[1-9]\b/i.test(text)))
    return "arm64";
  const image = lines.find(({ text }) => /^(?:Image: (?:ubuntu|windows)-|Runner Image\b)/.test(text))?.text;
  if (image?.startsWith("Image: ") === true) return image.includes("arm") ? "arm64" : "amd64";
  return undefined;
}

function collectPlatforms(text: string, into: Set<string>): void {
  const asked =
    /(?:--platform[= ]|platforms?: |requested image's platform \()["']?((?:linux|windows)\/[\w/,. ]{3,80})/.exec(
      text,
    );
  for (const name of asked?.[1]?.split(",") ?? []) {
    const platform = /^\s*((?:linux|windows)\/[a-z0-9_]+(?:\/v\d)?)/.exec(name)?.[1];
    if (platform !== undefined) into.add(platform);
  }
}

/** Whether the line's step isn't one for amd64, for which nearly everything exists. */
export function isNotForAmd64(log: LogView, line: LogLine): boolean {
  return cpuOf(line.step?.platform ?? log.failed?.platform) !== "amd64";
}

/** The CPU part: "arm64" of "linux/arm64/v8". */
export function cpuOf(platform: string | undefined): string | undefined {
  const cpu = platform?.split("/")[1];
  return cpu === undefined ? undefined : (machines[cpu] ?? cpu);
}

/** The platform of a step; where the log doesn't tell, the only one that is named, if it didn't come through there. */
export function platformOf(log: LogView, step: LogStep | undefined): string | undefined {
  const told = step?.platform ?? log.known.platform;
  if (told !== undefined) return told;
  const [only] = log.platforms.length === 1 ? log.platforms : [];
  return only !== undefined && step?.command !== undefined && cameThrough(log, step.command, only)
    ? undefined
    : only;
}

/** Whether this command of a platform has come to its end. */
export function cameThrough(log: LogView, command: string, platform: string): boolean {
  return log.lines.some(
    ({ step }) => step?.state === "done" && step.command === command && step.platform === platform,
  );
}

/** "unknown" where nothing speaks for or against it. */
export type EmulationLevel = "shown" | "likely" | "unknown" | "not";

/** How sure one can be that this step ran under emulation; undefined where nothing tells. */
export function emulationOf(
  log: LogView,
  step: LogStep | undefined,
): { readonly level: EmulationLevel; readonly emulated?: boolean } {
  if (log.known.emulated !== undefined)
    return { level: log.known.emulated ? "shown" : "not", emulated: log.known.emulated };
  if (step?.runsOn !== undefined && cpuOf(step.runsOn) !== cpuOf(step.platform))
    return { level: "not", emulated: false };
  const cpu = cpuOf(platformOf(log, step));
  if (cpu !== undefined && log.hostCpu !== undefined) {
    if (sameMachine(cpu, log.hostCpu))
      return log.emulator ? { level: "shown" } : { level: "not", emulated: false };
    return { level: "shown", emulated: true };
  }
  if (log.emulator) return { level: "shown", emulated: true };
  if (log.emulatorSetUp && cpu !== "amd64")
    return cpu === undefined ? { level: "likely" } : { level: "shown", emulated: true };
  // Who names a platform to `docker run` mostly does so because the machine is of another.
  const run = log.commands.map(
    (text) =>
      /\b(?:docker|podman|nerdctl) (?:container )?run\b.{0,200}--platform[= ](linux\/\w+)/.exec(text)?.[1],
  );
  if (cpu !== undefined && run.some((asked) => cpuOf(asked) === cpu)) return { level: "likely" };
  // Most machines that build for several platforms are amd64.
  if (cpu !== undefined && cpu !== "amd64" && cpu !== "386") return { level: "likely" };
  return { level: "unknown" };
}

/** A 64-bit x86 CPU runs 32-bit programs by itself; arm64 servers mostly don't, but many do. */
function sameMachine(cpu: string, host: string): boolean {
  return cpu === host || (cpu === "386" && host === "amd64");
}
