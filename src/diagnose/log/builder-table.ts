import type { LogView } from "./log-view.ts";

const platformList = /\b(?:linux|windows)\/[a-z0-9_]+(?:\/v\d)?/g;

/** The output of `docker buildx ls` or `inspect` in a log: does every builder offer one CPU only? */
export const builderTable = {
  /** A heading or key before lists of platforms. */
  heading: /\bPLATFORMS\b|^Platforms: /,
  /**
   * True when a platform that was asked for is in no list. Where none was asked for, when all lists are of one CPU: that
   * is what somebody who shows this table wonders about.
   */
  lacks: (log: LogView): boolean => {
    const offered = new Set<string>();
    let after = false;
    for (const { text } of log.lines) {
      after ||= builderTable.heading.test(text);
      if (!after || /--platform|platforms?: /.test(text.replace(/^PLATFORMS: |^Platforms: /, ""))) continue;
      for (const [platform] of text.matchAll(platformList)) offered.add(cpu(platform));
    }
    if (offered.size === 0) return false;
    const asked = log.platforms.map(cpu);
    if (asked.some((name) => !offered.has(name))) return true;
    return asked.length === 0 && offered.size === 1;
  },
} as const;

/** Without the level of x86-64 and with 32-bit x86 under amd64, which runs it. */
function cpu(platform: string): string {
  return platform
    .replace(/^linux\/amd64\/v\d$/, "linux/amd64")
    .replace("linux/386", "linux/amd64")
    .replace(/^linux\/arm64\/v\d$/, "linux/arm64");
}
