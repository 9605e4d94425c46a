import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import type { CiOptions } from "./options.ts";
import type { CiMode, CiRow } from "./plan.ts";

type Service = CiOptions["service"];

/** Hosted runners by the architecture of their machines; labels that exist (there is no `ubuntu-latest-arm`). */
const hosted: Readonly<Record<Service, Readonly<Record<"amd64" | "arm64", string>>>> = {
  github: { amd64: "ubuntu-24.04", arm64: "ubuntu-24.04-arm" },
  gitlab: { amd64: "saas-linux-small-amd64", arm64: "saas-linux-small-arm64" },
};

/** What the service's own machines are called; everything else is somebody's own. */
const hostedLabel: Readonly<Record<Service, RegExp>> = {
  github: /^(?:ubuntu|windows|macos)-(?:latest|slim|\d[\d.]*)(?:-[\w-]+)?$/,
  gitlab: /^saas-(?:linux|windows|macos)-[\w-]+$/,
};

/** What BuildKit can emulate on Linux; there are neither runners nor emulators for the rest. */
const known = [
  "386",
  "amd64",
  "arm",
  "arm64",
  "loong64",
  "mips64",
  "mips64le",
  "ppc64le",
  "riscv64",
  "s390x",
];

/** Labels of the runners that were given, by normalised platform. Throws USAGE, PLATFORM_INVALID. */
export function givenRunners(values: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const runners = new Map<string, readonly string[]>();
  for (const value of values) {
    const at = value.indexOf("=");
    const labels = value
      .slice(at + 1)
      .split(",")
      .map((label) => label.trim());
    if (at < 1 || labels.some((label) => !/^[A-Za-z0-9][\w.:-]*$/.test(label))) {
      throw new AnyarchError("USAGE", `--runner "${value}" isn't PLATFORM=LABEL[,LABEL].`, {
        hint: "--runner linux/arm64=ubuntu-24.04-arm, or --runner linux/arm64=self-hosted,linux,arm64",
      });
    }
    runners.set(formatPlatform(parsePlatform(value.slice(0, at))), labels);
  }
  return runners;
}

interface RunnerChoice {
  readonly service: Service;
  readonly mode: CiMode;
  readonly runners: ReadonlyMap<string, readonly string[]>;
}

/** Labels, and the architecture of such a machine: who names a runner for a platform names one that runs it. */
function runnerOf(
  platform: Platform,
  { service, mode, runners }: RunnerChoice,
): { readonly labels: readonly string[]; readonly machine: string } {
  const { architecture } = platform;
  if (mode === "qemu") {
    const [only] = runners;
    return only === undefined
      ? { labels: [hosted[service].amd64], machine: "amd64" }
      : { labels: only[1], machine: parsePlatform(only[0]).architecture };
  }
  const labels = runners.get(formatPlatform(platform));
  if (labels !== undefined) return { labels, machine: architecture };
  const machine = mode !== "matrix" && architecture.startsWith("arm") ? "arm64" : "amd64";
  return { labels: [hosted[service][machine]], machine };
}

/** Whether a machine runs programs without an emulator. Not every arm64 runs those of 32 bits. */
function runs(machine: string, architecture: string): boolean {
  return machine === architecture || (machine === "amd64" && architecture === "386");
}

/** The job of one platform. Throws PLATFORM_INVALID where neither a runner nor an emulator could build it. */
export function rowFor(platform: Platform, optional: boolean, choice: RunnerChoice): CiRow {
  const name = formatPlatform(platform);
  if (platform.os !== "linux" || !known.includes(platform.architecture)) {
    throw new AnyarchError(
      "PLATFORM_INVALID",
      `No CI runner builds ${name}: neither natively nor emulated.`,
      {
        hint: `Platforms are linux/ with one of ${known.join(", ")}.`,
      },
    );
  }
  const { labels, machine } = runnerOf(platform, choice);
  return {
    platform: name,
    key: name.replace(/\W/g, "_"),
    runner: labels,
    emulated: !runs(machine, platform.architecture),
    optional,
    selfHosted: labels.some((label) => !hostedLabel[choice.service].test(label)),
  };
}
