import { formatPlatform, type Platform } from "../../oci/platform.ts";
import type { Examination } from "../check.ts";
import { binfmt, entriesFor, type BinfmtEntry } from "./binfmt.ts";
import { buildNodes, chooseNode } from "./build-nodes.ts";
import { foreignRun } from "./foreign-run.ts";
import { machine } from "./machine.ts";

/** An asked platform that isn't the machine's own, and what the kernel would do with its programs. */
export interface Foreign {
  readonly platform: Platform;
  readonly name: string;
  /** Those that match its programs; the enabled ones first. */
  readonly entries: readonly BinfmtEntry[];
  readonly runs: boolean;
  /** Whether builds of it go to a builder that was seen or says to be able to, so that this machine's table isn't needed. */
  readonly builtElsewhere: string | undefined;
}

/** Empty where the machine runs all that is asked by itself, or where emulation isn't its own business (macOS). */
export async function foreignPlatforms(x: Examination): Promise<readonly Foreign[]> {
  const { native, os } = await x.fact(machine);
  if (os !== "linux") return [];
  const table = await x.fact(binfmt);
  const found = await Promise.all(
    x.platforms.map(async (platform) => {
      const { outcome } = await x.fact(foreignRun(platform));
      const entries = entriesFor(table, platform).toSorted((a, b) => Number(b.enabled) - Number(a.enabled));
      // 32-bit programs of the same family run on the CPU itself.
      const own =
        platform.architecture === native.architecture ||
        (outcome === "runs" && table.mounted && entries.length === 0);
      return own || platform.os !== "linux"
        ? []
        : [
            {
              platform,
              name: formatPlatform(platform),
              entries,
              runs: outcome === "runs",
              builtElsewhere: await nativeBuilder(platform, x),
            },
          ];
    }),
  );
  return found.flat();
}

async function nativeBuilder(platform: Platform, x: Examination): Promise<string | undefined> {
  const chosen = chooseNode((await x.fact(buildNodes)).usable, platform);
  if (chosen === undefined) return undefined;
  // One that emulates it by this machine's table is no way around that.
  if (chosen.ability === "native" || chosen.node.known === "probed") return chosen.node.name;
  return undefined;
}

/** How bad it is that a platform isn't emulated here. */
export function severity({ builtElsewhere }: Foreign): "fail" | "warn" {
  return builtElsewhere === undefined ? "fail" : "warn";
}

/** What follows where builds go on all the same. */
export function consequence({ name, builtElsewhere }: Foreign): string {
  return builtElsewhere === undefined
    ? ""
    : ` Builds for ${name} go to ${builtElsewhere}; containers of it can't be run here.`;
}
