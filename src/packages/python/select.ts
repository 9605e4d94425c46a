import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import { forEachConcurrently } from "../../host/concurrency.ts";
import type { Context } from "../../host/context.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { chooseFile, type CandidateFile } from "./choose.ts";
import type { IndexAccess } from "./http-get.ts";
import { IndexClient } from "./index-client.ts";
import { readIndexConfig } from "./index-config.ts";
import { findCandidates, newestWithWheel } from "./candidates.ts";
import { checkLock } from "./lock-check.ts";
import type { LockedPackage, LockedSet } from "./lock.ts";
import type { PythonDependencies } from "./requirements.ts";
import { resolveRequirements } from "./resolver.ts";
import { tagRanks } from "./tags.ts";
import type { PythonTarget } from "./target.ts";
import type { WheelSite } from "./wheel-builder.ts";
import type { WheelStage } from "./wheel-dockerfile.ts";

/** How URLs of a selection are reached; not part of its JSON. */
export const selectionAccess: unique symbol = Symbol("access");

/** What is installed on each platform. Plain data, but for the credentials, which never become JSON. */
export interface Selection {
  /** Sorted by name, then version: a name has several rows where platforms need different versions. */
  readonly rows: readonly SelectionRow[];
  readonly [selectionAccess]?: IndexAccess;
}

export interface SelectionRow {
  /** Normalised. */
  readonly name: string;
  /** Canonical; "" for a source tree without a static version. */
  readonly version: string;
  /** True where the project itself requires it. */
  readonly direct: boolean;
  /** The URL it was required by, without credentials (PEP 610). */
  readonly directUrl?: string;
  /** By formatPlatform of each target: every target has its choice. */
  readonly choices: Readonly<Record<string, Choice>>;
}

export type Choice = WheelChoice | BuildChoice | SourceChoice | MissingChoice | ExcludedChoice;

/** A wheel that fits; "neutral" where its tag says that it fits every platform. */
export interface WheelChoice {
  readonly kind: "wheel" | "neutral";
  readonly neutral: boolean;
  readonly filename: string;
  /** https:, http: or file:, without credentials. */
  readonly url: string;
  /** Algorithm → hexadecimal; empty where nobody says, as on some indexes. */
  readonly hashes: Readonly<Record<string, string>>;
  /** `algorithm:hex`, of which the file must have one; only where `hashes` can't tell which. */
  readonly allowed?: readonly string[];
  readonly size?: number;
  /** The tag by which it fits: "cp311-cp311-manylinux_2_17_aarch64". */
  readonly tag: string;
  /** Where it was built from source: "built by BuildKit on NODE, native". */
  readonly built?: string;
}

/** Source that is going to be built for this platform, by whom and in what. */
export interface BuildChoice {
  readonly kind: "build";
  /** The sdist's name. */
  readonly filename: string;
  readonly source: SourceChoice;
  /** Of the sdist. */
  readonly sha256: string;
  readonly stage: WheelStage;
  /** Absent until a machine was found. */
  readonly site?: WheelSite;
}

/** No wheel fits, but there is source: an sdist, a directory or a repository. */
export interface SourceChoice {
  readonly kind: "source";
  /** The sdist's name, or the directory or repository. */
  readonly filename: string;
  readonly url?: string;
  readonly hashes?: Readonly<Record<string, string>>;
  /** As {@link WheelChoice} has them. */
  readonly allowed?: readonly string[];
  /** Absolute. */
  readonly directory?: string;
  /** Platform tags of this version's wheels. */
  readonly wheels: readonly string[];
  /** The newest version with a wheel that fits, where the index knows one. */
  readonly newestWithWheel?: string;
  /** Why it wasn't built, where that was tried or planned. */
  readonly unbuilt?: { readonly message: string; readonly hint?: string };
}

/** Nothing that fits. */
export interface MissingChoice {
  readonly kind: "missing";
  readonly wheels: readonly string[];
  readonly newestWithWheel?: string;
}

/** Not needed there. */
interface ExcludedChoice {
  readonly kind: "excluded";
  readonly marker: string;
}

/**
 * Chooses a file per package and target: by markers evaluated for the target, then by the best wheel tag that
 * its interpreter and C library accept (PEP 425, 600, 656). Nothing is downloaded but pages of the index, and
 * those only where the lock has no URLs. Throws LOCK_OUTDATED, RESOLVER_MISSING, RESOLVE_FAILED,
 * DEPENDENCY_NOT_FOUND, HASH_MISMATCH, NETWORK_ERROR. What is unavailable is a choice, not an error:
 * see explainUnavailable.
 */
export async function selectPackages(
  dependencies: PythonDependencies,
  targets: readonly PythonTarget[],
  ctx: Context,
): Promise<Selection> {
  const { loose, index, projectDir } = dependencies;
  const lock =
    dependencies.lock ?? (loose && (await resolveRequirements({ loose, index, projectDir }, targets, ctx)));
  if (lock === undefined) throw new AnyarchError("INTERNAL", "Dependencies are neither locked nor loose.");
  const sets = targets.map((target) => ({ target, set: lock.packagesFor(target) }));
  for (const { target, set } of sets) checkLock(dependencies, lock, target, set);
  const selector = new Selector(dependencies, ctx);
  return runTask(ctx.emit, "select Python packages", {}, async (task) => {
    const rows = await selector.rows(sets, (done, total) => task.progress(done, total, "packages"));
    const { kind } = dependencies.source;
    const platforms = targets.length === 1 ? "1 platform" : `${targets.length} platforms`;
    task.detail(`${rows.length} for ${platforms}, from ${kind === "none" ? "nothing" : kind}`);
    return { rows, [selectionAccess]: await selector.access() };
  });
}

interface TargetSet {
  readonly target: PythonTarget;
  readonly set: LockedSet;
}

interface RowDraft {
  readonly locked: LockedPackage;
  readonly marker: string | undefined;
  readonly choices: Record<string, Choice>;
}

class Selector {
  readonly #dependencies: PythonDependencies;
  readonly #ctx: Context;
  #client: Promise<IndexClient> | undefined;

  constructor(dependencies: PythonDependencies, ctx: Context) {
    this.#dependencies = dependencies;
    this.#ctx = ctx;
  }

  /** The index client, made when first needed: a lock with URLs needs none to select. */
  client = (): Promise<IndexClient> => {
    const { index, projectDir } = this.#dependencies;
    this.#client ??= readIndexConfig(index, projectDir, this.#ctx).then(
      (config) => new IndexClient(config, this.#ctx),
    );
    return this.#client;
  };

  async access(): Promise<IndexAccess> {
    return (await this.client()).access;
  }

  async rows(
    sets: readonly TargetSet[],
    onProgress: (done: number, total: number) => void,
  ): Promise<readonly SelectionRow[]> {
    const drafts = new Map<string, RowDraft>();
    const jobs: { draft: RowDraft; target: PythonTarget; locked: LockedPackage }[] = [];
    for (const { target, set } of sets)
      for (const { marker, ...locked } of set.packages) {
        const key = `${locked.name} ${locked.version}`;
        const draft = drafts.get(key) ?? { locked, marker, choices: {} };
        drafts.set(key, draft);
        jobs.push({ draft, target, locked });
      }
    let done = 0;
    await forEachConcurrently(jobs, 8, async ({ draft, target, locked }) => {
      draft.choices[formatPlatform(target.platform)] = await this.#choose(locked, target);
      onProgress(++done, jobs.length);
    });
    addExcluded(drafts, sets);
    return finishRows(drafts, sets);
  }

  async #choose(locked: LockedPackage, target: PythonTarget): Promise<Choice> {
    const candidates = await findCandidates(locked, target, this.client);
    const choice = chooseFile(candidates, tagRanks(target), locked);
    if ("tag" in choice) {
      const access = await this.access();
      return { ...choice, url: access.withoutCredentials(choice.url) };
    }
    if (locked.tree !== undefined) return choice;
    const newest = await this.#newestWithWheel(locked, target);
    return newest === undefined ? choice : { ...choice, newestWithWheel: newest };
  }

  /** Only an aid for the error's reader: where the index can't be asked, there is no advice. */
  async #newestWithWheel(locked: LockedPackage, target: PythonTarget): Promise<string | undefined> {
    try {
      const files: readonly CandidateFile[] = await (await this.client()).files(locked.name, locked.index);
      return newestWithWheel(files, target);
    } catch (error) {
      this.#ctx.signal.throwIfAborted();
      if (error instanceof AnyarchError) return undefined;
      throw error;
    }
  }
}

/** Rows for what markers leave out everywhere, so that the table shows them too. */
function addExcluded(drafts: Map<string, RowDraft>, sets: readonly TargetSet[]): void {
  for (const { target, set } of sets)
    for (const { name, version, marker } of set.excluded) {
      const same = [...drafts.values()].filter(({ locked }) => locked.name === name);
      const draft = same.find(({ locked }) => version === "" || locked.version === version);
      const platform = formatPlatform(target.platform);
      if (draft !== undefined) draft.choices[platform] ??= { kind: "excluded", marker };
      else if (same.length === 0) {
        const locked = { name, version, allowed: [], direct: false };
        drafts.set(`${name} ${version}`, {
          locked,
          marker,
          choices: { [platform]: { kind: "excluded", marker } },
        });
      }
    }
}

function finishRows(
  drafts: ReadonlyMap<string, RowDraft>,
  sets: readonly TargetSet[],
): readonly SelectionRow[] {
  const platforms = sets.map(({ target }) => formatPlatform(target.platform));
  return [...drafts.values()]
    .map(({ locked, marker = "", choices }) => ({
      name: locked.name,
      version: locked.version,
      direct: locked.direct,
      ...(locked.directUrl !== undefined && { directUrl: locked.directUrl }),
      choices: Object.fromEntries(
        platforms.map((platform) => [platform, choices[platform] ?? { kind: "excluded" as const, marker }]),
      ),
    }))
    .sort((a, b) => compareText(a.name, b.name) || compareText(a.version, b.version));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
