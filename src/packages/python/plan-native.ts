import { AnyarchError } from "../../errors/error.ts";
import type { Context } from "../../host/context.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { fetchArchive } from "./build-source.ts";
import { IndexAccess } from "./http-get.ts";
import { type NativeRecipe, sourceName, unbuilt, wheelDirectory } from "./native-recipe.ts";
import {
  type BuildChoice,
  type Choice,
  type Selection,
  selectionAccess,
  type SourceChoice,
} from "./select.ts";
import type { PythonTarget } from "./target.ts";
import type { WheelBuilder } from "./wheel-builder.ts";
import { fittedWheel, keptWheel } from "./wheel-cache.ts";
import { wheelDockerfile } from "./wheel-dockerfile.ts";

/** A target, and the image that it is for as a builder pulls it: "NAME@DIGEST"; undefined where it is none. */
export interface NativeTarget {
  readonly python: PythonTarget;
  readonly image: string | undefined;
}

/**
 * Replaces what exists as source archive only: by the wheel that an earlier build left in the cache, else by the plan
 * to build it, else by the same source with the reason why nobody can. Nothing is built. Throws what the registry of
 * the builder's image does, and BUILDER_INVALID.
 */
export async function planNative(
  selection: Selection,
  targets: readonly NativeTarget[],
  builder: WheelBuilder,
  ctx: Context,
): Promise<Selection> {
  const hasArchives = selection.rows.some(({ choices }) => Object.values(choices).some(isArchive));
  if (!hasArchives) return selection;
  const named = await builder.image(ctx);
  const byPlatform = new Map(targets.map((target) => [formatPlatform(target.python.platform), target]));
  const planned = await mapChoices(selection, async (choice, platform) => {
    const target = byPlatform.get(platform);
    if (target === undefined || !isArchive(choice)) return choice;
    const image = named ?? target.image;
    if (image === undefined) return { ...choice, unbuilt: noImage };
    const recipe = { python: target.python, stage: { image, packages: builder.packages } };
    return planOne(choice, recipe, selection[selectionAccess], ctx);
  });
  return placed(planned, targets, builder, ctx);
}

const noImage = {
  message: "the base isn't an image of a registry, in which a builder could build it",
  hint: 'Name an image to build it in, [python] build_image = "python:3.11-bookworm", or such a base.',
};

function isArchive(choice: Choice): choice is SourceChoice {
  return choice.kind === "source" && choice.url !== undefined;
}

async function planOne(
  source: SourceChoice,
  recipe: NativeRecipe,
  access: IndexAccess | undefined,
  ctx: Context,
): Promise<Choice> {
  const sha256 = await digestOf(source, access, ctx);
  const kept = await keptWheel(wheelDirectory(sha256, recipe, ctx));
  const wheel = kept && fittedWheel(kept, recipe.python);
  if (wheel !== undefined) return { ...wheel, built: "built before by BuildKit" };
  return { kind: "build", filename: source.filename, source, sha256, stage: recipe.stage };
}

/** A source that nobody tells the sha256 of is downloaded: what it is decides whether it was built before. */
async function digestOf(
  source: SourceChoice,
  access: IndexAccess | undefined,
  ctx: Context,
): Promise<string> {
  const known = source.hashes?.["sha256"];
  return known ?? (await fetchArchive(source, access ?? new IndexAccess([], []), ctx)).sha256;
}

/** Says of each planned build where it will run, or why it can't. */
async function placed(
  selection: Selection,
  targets: readonly NativeTarget[],
  builder: WheelBuilder,
  ctx: Context,
): Promise<Selection> {
  const builds = new Map<string, BuildChoice>();
  for (const { choices } of selection.rows)
    for (const [platform, choice] of Object.entries(choices))
      if (choice.kind === "build") builds.set(platform, choice);
  const [first] = builds.values();
  if (first === undefined) return selection;
  // All are of the same form: what runs where depends on the platform alone.
  const dockerfile = wheelDockerfile(first.stage, sourceName(first.filename));
  const platforms = targets.map(({ python }) => python.platform);
  const wanted = platforms.filter((platform) => builds.has(formatPlatform(platform)));
  const sites = await builder.place(dockerfile, wanted, ctx);
  return mapChoices(selection, (choice, platform) => {
    if (choice.kind !== "build") return choice;
    const site = sites.get(platform);
    return site === undefined || site instanceof AnyarchError ? unbuilt(choice, site) : { ...choice, site };
  });
}

async function mapChoices(
  selection: Selection,
  change: (choice: Choice, platform: string) => Choice | Promise<Choice>,
): Promise<Selection> {
  const rows: Selection["rows"][number][] = [];
  for (const row of selection.rows) {
    const choices: Record<string, Choice> = {};
    for (const [platform, choice] of Object.entries(row.choices))
      choices[platform] = await change(choice, platform);
    rows.push({ ...row, choices });
  }
  return { ...selection, rows };
}
