import { formatPlatform, type Platform, samePlatform } from "../../oci/platform.ts";
import type { Examination, Fix } from "../check.ts";
import { builders, buildx } from "../facts/builders.ts";
import { docker } from "../facts/docker.ts";
import { shellWord } from "../probe.ts";

/** The builder that `doctor --fix` makes; the user's are never touched, and the current one stays the current one. */
export const ownBuilder = "anyarch";

const why =
  "The docker-container driver runs BuildKit in a container of its own: it can hold several platforms of an image, push them as one index, and brings emulators for the common CPUs. The platforms are named when it is made, so that buildx knows before it starts what it may be asked for. The builder isn't made the current one: use it with --builder anyarch.";

/** Makes and starts a builder that has all asked platforms; undefined without buildx or a Docker that answers. */
export async function createBuilder(x: Examination): Promise<Fix | undefined> {
  const [found, { server }, listed] = await Promise.all([x.fact(buildx), x.fact(docker), x.fact(builders)]);
  if (found === undefined || server?.os !== "linux") return undefined;
  const call = found.command.join(" ");
  const own = listed?.find(({ name }) => name === ownBuilder);
  const platforms = withNative(x.platforms, { os: "linux", architecture: server.arch });
  const isGone = own !== undefined && [own, ...own.nodes].some(({ error }) => error !== undefined);
  const isWhole =
    own?.driver === "docker-container" &&
    !isGone &&
    platforms.every((platform) => own.nodes[0]?.platforms.some((each) => samePlatform(each, platform)));
  const create = [
    `${call} create --name ${ownBuilder} --driver docker-container`,
    // Removing it would leave its user with another current builder.
    ...(own?.current === true ? ["--use"] : []),
    `--platform ${platforms.map(formatPlatform).join(",")}`,
    ...driverOptions(x).map((option) => `--driver-opt ${shellWord(option)}`),
  ].join(" ");
  return {
    key: "create-builder",
    title: `create and start the builder "${ownBuilder}"`,
    why,
    commands: [
      // Where its Docker is gone, buildx forgets the builder and then fails all the same.
      ...(own !== undefined && !isWhole
        ? [`${call} rm --force ${ownBuilder}${isGone ? " || true" : ""}`]
        : []),
      ...(isWhole ? [] : [create]),
      `${call} inspect --bootstrap ${ownBuilder}`,
    ],
    undo: [`${call} rm ${ownBuilder}`],
    // One of that name that we can't have made is somebody's.
    automatic: own === undefined || own.driver === "docker-container",
    order: 30,
  };
}

/** The native one first: daemons name theirs in this order. */
function withNative(asked: readonly Platform[], native: Platform): readonly Platform[] {
  return [native, ...asked.filter((platform) => !samePlatform(platform, native))];
}

/** The same as for builders that a build makes. */
function driverOptions({ ctx }: Examination): readonly string[] {
  const { ANYARCH_BUILDKIT_IMAGE: image, ANYARCH_BUILDKIT_DRIVER_OPTS: extra } = ctx.host.env;
  return [...(image ? [`image=${image}`] : []), ...(extra ? [extra] : [])];
}
