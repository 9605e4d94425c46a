import type { Platform } from "../../oci/platform.ts";
import { normalizePlatform } from "../../oci/platform.ts";

/** A build that is followed in thought: where it runs and for what. */
export interface Scenario {
  readonly build: Platform;
  readonly target: Platform;
}

const amd64: Platform = { os: "linux", architecture: "amd64" };
const arm64: Platform = { os: "linux", architecture: "arm64" };

/** What most people build for; what is asked when nobody says otherwise. */
export const usualPlatforms: readonly Platform[] = [amd64, arm64];

/** Builds for each platform, natively and from the most usual other machine. */
export function scenariosFor(platforms: readonly Platform[]): Scenario[] {
  return platforms.flatMap((given) => {
    const target = normalizePlatform(given);
    const other = target.architecture === "amd64" ? arm64 : amd64;
    return [
      { build: other, target },
      { build: { os: target.os, architecture: target.architecture }, target },
    ];
  });
}
