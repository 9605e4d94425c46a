import { acceptablePlatforms, samePlatform, type Platform } from "../oci/platform.ts";
import type { NodeFacts } from "./node.ts";

const families: Readonly<Record<string, string>> = { amd64: "x86", "386": "x86", arm64: "arm", arm: "arm" };

/** Whether one of the two may run the other's programs on its CPU: 386 on amd64, arm on arm64 where it has AArch32. */
export function isSameFamily(a: Platform, b: Platform): boolean {
  const family = families[a.architecture];
  return a.os === b.os && family !== undefined && family === families[b.architecture];
}

/** Whether a node runs a platform's programs without emulation, as far as was shown. */
export function runsNatively(facts: NodeFacts, platform: Platform): boolean {
  const { native } = facts;
  if (facts.nativeToo?.some((each) => samePlatform(each, platform)) === true) return true;
  if (native.os !== platform.os || native.architecture !== platform.architecture) return false;
  // The same CPU: the variants that it has are listed, and lower ones run on it.
  return acceptablePlatforms(native).some((each) => samePlatform(each, platform)) || canRun(facts, platform);
}

/** Whether it says, or was seen, that it can run the platform's programs in one way or another. */
export function canRun(facts: NodeFacts, platform: Platform): boolean {
  return [facts.native, ...facts.platforms].some((each) => samePlatform(each, platform));
}
