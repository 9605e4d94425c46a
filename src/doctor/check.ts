import type { Context } from "../host/context.ts";
import type { Platform } from "../oci/platform.ts";
import type { HostProbe } from "./probe.ts";

/** "fail": an asked platform can't be built or run as things are; "warn": something is wrong, or will be. */
export type CheckStatus = "ok" | "warn" | "fail" | "skip";

/** The order in which they are shown, and in which their repairs run. */
export const checkGroups = ["platforms", "emulation", "docker", "builders", "machine", "network"] as const;
export type CheckGroup = (typeof checkGroups)[number];

/** What to do about a finding. */
export interface Fix {
  /** Repairs with the same key are the same one. */
  readonly key: string;
  readonly title: string;
  /** Why it works, for those who want to know what they do to their machine. */
  readonly why: string;
  /** Lines for a POSIX shell on the machine that is examined, in order. */
  readonly commands: readonly string[];
  /** Lines that take it back. */
  readonly undo: readonly string[];
  /** Whether `--fix` may run it; what a person has to decide is only printed. */
  readonly automatic: boolean;
  /** Smaller runs first. */
  readonly order: number;
}

/** One result of a check. `expected`, `why` and `measured` are those of the check where they aren't given. */
export interface Finding {
  readonly status: CheckStatus;
  /** What of several things it is about: "linux/arm64", a builder's name. */
  readonly subject?: string;
  readonly found: string;
  readonly expected?: string;
  readonly why?: string;
  readonly measured?: string;
  readonly fix?: Fix;
}

/** One thing that is looked at. To add a check, add its file to checks/ and name it in checks.ts. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly group: CheckGroup;
  readonly expected: string;
  /** Why it matters for images of several platforms. */
  readonly why: string;
  /** How it is measured: files and commands. */
  readonly measured: string;
  examine(x: Examination): Promise<Finding | readonly Finding[]>;
}

/** Something found out about the machine, once for all checks. */
export type Fact<T> = (x: Examination) => Promise<T>;

/** What checks get. */
export interface Examination {
  readonly ctx: Context;
  readonly probe: HostProbe;
  /** Those that are asked for, without double ones. */
  readonly platforms: readonly Platform[];
  /** Registries that are asked for the time: hosts of references and configuration. */
  readonly registries: readonly string[];
  fact<T>(source: Fact<T>): Promise<T>;
}

export function makeExamination(given: Omit<Examination, "fact">): Examination {
  const known = new Map<Fact<unknown>, Promise<unknown>>();
  const examination: Examination = {
    ...given,
    fact: <T>(source: Fact<T>): Promise<T> => {
      let found = known.get(source) as Promise<T> | undefined;
      if (found === undefined) {
        found = source(examination);
        known.set(source, found);
      }
      return found;
    },
  };
  return examination;
}
