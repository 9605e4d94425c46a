import { AnyarchError } from "../../errors/error.ts";
import { formatPlatform } from "../../oci/platform.ts";
import type { Choice, MissingChoice, Selection, SelectionRow, SourceChoice } from "./select.ts";
import { machineOf, type PythonTarget } from "./target.ts";

/** A package that a platform can't have as things stand. */
interface Unavailable {
  readonly name: string;
  readonly version: string;
  /** formatPlatform. */
  readonly platform: string;
  readonly choice: SourceChoice | MissingChoice;
}

function isUnavailable(choice: Choice | undefined): choice is SourceChoice | MissingChoice {
  return choice?.kind === "source" || choice?.kind === "missing";
}

/** What is missing in a selection, in the order of its rows; on `platforms` (formatPlatform) or on all. */
export function unavailablePackages(
  selection: Selection,
  platforms?: readonly string[],
): readonly Unavailable[] {
  return selection.rows.flatMap(({ name, version, choices }: SelectionRow) =>
    Object.entries(choices).flatMap(([platform, choice]): readonly Unavailable[] =>
      isUnavailable(choice) && (platforms === undefined || platforms.includes(platform))
        ? [{ name, version, platform, choice }]
        : [],
    ),
  );
}

/**
 * The error for a selection in which packages are unavailable: what, where, what there is instead, and the ways
 * on. Undefined where every package has a wheel on every target.
 */
export function explainUnavailable(
  selection: Selection,
  targets: readonly PythonTarget[],
): AnyarchError | undefined {
  const byPlatform = new Map(targets.map((target) => [formatPlatform(target.platform), target]));
  const missing = unavailablePackages(selection, [...byPlatform.keys()]);
  if (missing.length === 0) return undefined;
  const lines = missing.map((one) => describe(one, byPlatform.get(one.platform)));
  return new AnyarchError("DEPENDENCY_UNAVAILABLE", lines.join("\n"), {
    hint: waysOn(missing, byPlatform).join("\n"),
    details: { unavailable: missing },
  });
}

function describe(
  { name, version, platform, choice }: Unavailable,
  target: PythonTarget | undefined,
): string {
  const on =
    target === undefined ? "" : ` (CPython ${target.python}, ${target.libc.family} ${target.libc.version})`;
  const wheels =
    choice.wheels.length === 0 ? "it has no wheels at all" : `its wheels are for ${summary(choice.wheels)}`;
  const source =
    choice.kind === "source" ? `; only its source is there: ${choice.filename}${whyUnbuilt(choice)}` : "";
  return `${name}${version === "" ? "" : ` ${version}`} has no wheel for ${platform}${on}: ${wheels}${source}.`;
}

/** Why BuildKit didn't build it; the rest of a compiler's output was shown when it came. */
function whyUnbuilt({ unbuilt }: SourceChoice): string {
  return unbuilt === undefined ? "" : `, which BuildKit can't build: ${unbuilt.message.replace(/\.$/, "")}`;
}

const shownTags = 12;

/** Linux tags first: what macOS and Windows have is of no use in an image. */
function summary(platforms: readonly string[]): string {
  const linux = platforms.filter((platform) => /linux|^any$/.test(platform));
  const shown = linux.length > 0 ? linux : platforms;
  const more = shown.length - shownTags;
  return shown.slice(0, shownTags).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function waysOn(
  missing: readonly Unavailable[],
  targets: ReadonlyMap<string, PythonTarget>,
): readonly string[] {
  const ways: string[] = [];
  const versions = new Map(
    missing.flatMap(({ name, version, choice: { newestWithWheel } }) =>
      newestWithWheel === undefined || newestWithWheel === version ? [] : [[name, newestWithWheel] as const],
    ),
  );
  if (versions.size > 0) {
    const pins = [...versions].map(([name, version]) => `${name}==${version}`);
    ways.push(`- Use a version that has a wheel there, and lock again: ${pins.join(", ")}.`);
  }
  const libc = missing.flatMap(({ platform, choice }) => libcAdvice(targets.get(platform), choice.wheels));
  ways.push(...new Set(libc));
  const platforms = [...new Set(missing.map(({ platform }) => platform))];
  ways.push(`- Leave ${platforms.join(", ")} out, or pass --fallback available to go on without.`);
  ways.push(...waysToBuild(missing));
  ways.push(
    "- Add an index that has such wheels: --extra-index-url in the requirement file, PIP_EXTRA_INDEX_URL or pip.conf.",
  );
  return ways;
}

function waysToBuild(missing: readonly Unavailable[]): readonly string[] {
  const sources = missing.flatMap(({ platform, choice }) =>
    choice.kind === "source" ? [{ platform, choice }] : [],
  );
  const [first] = sources;
  if (first === undefined) return [];
  const told = sources.flatMap(({ choice }) => choice.unbuilt?.hint?.split("\n") ?? []);
  const build = `- Let BuildKit build its wheel: start Docker or buildkitd here, or name a machine: --builder ${first.platform}=ssh://USER@HOST.`;
  return [
    ...(told.length === 0 ? [build] : new Set(told.map((line) => `- ${line.replace(/^- /, "")}`))),
    "- Build its wheel on that platform once, and name the directory: --find-links in the requirement file or PIP_FIND_LINKS.",
    "- Write a Dockerfile, whose RUN instructions BuildKit executes on each platform: --file Dockerfile.",
  ];
}

/** Wheels for the machine that need another C library: a base image that has it is enough. */
function libcAdvice(target: PythonTarget | undefined, wheels: readonly string[]): readonly string[] {
  if (target === undefined) return [];
  const { family, version } = target.libc;
  const machine = machineOf(target.platform);
  const here = wheels.filter((tag) => tag.endsWith(`_${machine}`));
  const glibc = here.flatMap((tag) => /^manylinux_2_(\d+)_/.exec(tag)?.[1] ?? []).map(Number);
  if (family === "musl" && here.some((tag) => tag.startsWith("manylinux")))
    return ["- Use a base image with glibc, such as Debian's: the wheels are built for it, not for musl."];
  if (family === "glibc" && glibc.length > 0) {
    const lowest = Math.min(...glibc);
    if (lowest > Number(version.split(".")[1]))
      return [`- Use a newer base image: the wheel needs glibc 2.${lowest}, the base has ${version}.`];
    return [
      `- Use a base image with another Python: there are wheels for ${machine}, not for Python ${target.python}.`,
    ];
  }
  if (family === "glibc" && here.some((tag) => tag.startsWith("musllinux")))
    return ["- Use a base image with musl, such as Alpine's: the wheels are built for it, not for glibc."];
  return [];
}
