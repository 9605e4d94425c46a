import type { Check, Finding } from "../check.ts";
import { docker } from "../facts/docker.ts";
import { said } from "../probe.ts";

/** Bytes below which builds of images begin to fail, and below which they can't but fail. */
const little = 5 << 30;
const least = 512 << 20;

export const check: Check = {
  id: "disk",
  title: "Room on the disk",
  group: "machine",
  expected: "5 GiB free for Docker and for anyarch's cache",
  why: "Several platforms need several times the room: base images, layers and caches are kept for each. BuildKit's errors when the disk is full (blob not found, input/output error) don't say so.",
  measured:
    "df -Pk of docker info's DockerRootDir, of the cache's directory and of the directory for temporary files",
  async examine(x) {
    const { info, desktop } = await x.fact(docker);
    const home = x.probe.env("HOME") ?? "";
    const cache = x.probe.local
      ? x.ctx.host.cacheDir
      : x.probe.env("ANYARCH_CACHE_DIR") || `${x.probe.env("XDG_CACHE_HOME") || `${home}/.cache`}/anyarch`;
    const places = [
      // In a desktop's virtual machine the path is another one's.
      ...(info?.DockerRootDir && desktop === undefined ? [{ name: "Docker", path: info.DockerRootDir }] : []),
      { name: "cache", path: cache },
      { name: "temporary files", path: x.probe.env("TMPDIR") || "/tmp" },
    ];
    return Promise.all(
      places.map(async ({ name, path }): Promise<Finding> => {
        const free = await freeAt(x.probe, path);
        if (free === undefined)
          return { status: "skip", subject: name, found: `${path} can't be seen from here` };
        const found = `${size(free)} free at ${path}`;
        const enough = name === "temporary files" ? least : little;
        if (free >= enough) return { status: "ok", subject: name, found };
        const prune =
          name === "Docker"
            ? ["docker buildx prune", "docker image prune"]
            : name === "cache"
              ? ["anyarch cache prune"]
              : [`du -xh ${path} | sort -h | tail`];
        return {
          status: free < least ? "fail" : "warn",
          subject: name,
          found,
          fix: {
            key: `disk-${name}`,
            title: "make room",
            why: "What is pruned is made or fetched again when it is needed.",
            commands: prune,
            undo: [],
            automatic: false,
            order: 5,
          },
        };
      }),
    );
  },
};

/** Of the nearest directory that is there. */
async function freeAt(probe: Parameters<typeof said>[0], path: string): Promise<number | undefined> {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    const line = (await said(probe, "df", ["-Pk", at]))?.split("\n").at(-1);
    const free = line === undefined ? undefined : /\s(\d+)\s+\d+%\s/.exec(line)?.[1];
    if (free !== undefined) return Number(free) * 1024;
    if (at === "/") return undefined;
  }
}

function size(bytes: number): string {
  const gib = bytes / (1 << 30);
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.floor(bytes / (1 << 20))} MiB`;
}
