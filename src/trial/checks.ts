import type { Platform } from "../oci/platform.ts";
import type { ImageContent } from "./image-content.ts";
import type { Trial } from "./trial.ts";

/** What an image has to do on each of its platforms. */
export interface TrialChecks {
  readonly commands: readonly CommandCheck[];
  /** Absolute paths that have to be there. */
  readonly files: readonly string[];
  /** Ports that the image's own command has to listen on. */
  readonly ports: readonly number[];
  readonly http: readonly HttpCheck[];
  /** That programs are for the platform: `uname -m`, or the ELF files where the image has no uname. True by default. */
  readonly expectArch?: boolean;
  /** Until ports and HTTP answer; 60 s by default, as emulated servers start slowly. */
  readonly readyTimeoutMs?: number;
  /** For each command; 120 s by default. */
  readonly timeoutMs?: number;
  /** For all containers. */
  readonly env?: Readonly<Record<string, string>>;
  readonly network?: string;
}

export interface CommandCheck {
  readonly name: string;
  /** A text is for the image's shell. */
  readonly run: string | readonly string[];
  /** The text's words, where the image has no shell. */
  readonly words: readonly string[];
  /** 0 by default. */
  readonly exit?: number;
  /** That standard output has to hold. */
  readonly stdout?: string;
}

export interface HttpCheck {
  readonly port: number;
  /** "/" by default. */
  readonly path?: string;
  /** Any below 400 by default. */
  readonly status?: number;
  /** That the answer has to hold. */
  readonly contains?: string;
}

export interface CheckResult {
  readonly kind: "arch" | "command" | "file" | "port" | "http";
  readonly name: string;
  readonly status: "ok" | "failed";
  readonly durationMs: number;
  /** Why it failed, or what was seen. */
  readonly message?: string;
}

/** What checks have to go on. */
export interface CheckScene {
  readonly content: ImageContent;
  readonly trial: Trial;
  readonly checks: TrialChecks;
}

/** What uname(1) says of a machine, by image architecture; 32-bit programs may see their 64-bit kernel's. */
const machines: Readonly<Record<string, RegExp>> = {
  "386": /^(?:i[3-6]86|x86_64)$/,
  amd64: /^x86_64$/,
  arm: /^(?:arm\w*|aarch64)$/,
  arm64: /^(?:aarch64|arm64)$/,
  loong64: /^loongarch64$/,
  mips64le: /^mips64(?:el)?$/,
  ppc64le: /^ppc64le$/,
  riscv64: /^riscv64$/,
  s390x: /^s390x$/,
};

/** Whether `uname -m` says what it says on machines of a platform; undefined for platforms that aren't known here. */
export function isMachineOf(uname: string, platform: Platform): boolean | undefined {
  return machines[platform.architecture]?.test(uname);
}
