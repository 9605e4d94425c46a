import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { placePlatforms } from "../../../src/buildkit/place.ts";
import type { DockerfilePlan } from "../../../src/buildkit/dockerfile-plan.ts";
import type { Farm } from "../../../src/buildkit/node.ts";
import { stageFlow } from "../../../src/dockerfile/flow.ts";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { plainRequest } from "../../data/plain-request.ts";
import { startBuildkitd, type Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { describeWith } from "../../engines/suites.ts";
import { farmOf, userHost } from "./farm-fixture.ts";

const needed = ["buildkit", "buildx", "qemu", "openssl", "busybox"] as const;
const engines = await ensureEngines(needed);

let home: TempDir;
let amd64: Buildkitd;
let arm64: Buildkitd;

beforeAll(async () => {
  home = await makeTempDir();
  if (engines.without(...needed) !== undefined) return;
  [amd64, arm64] = await Promise.all([startBuildkitd(), startBuildkitd({ architecture: "arm64" })]);
}, 60_000);

afterAll(async () => {
  await Promise.all([amd64?.stop(), arm64?.stop()]);
  await home[Symbol.asyncDispose]();
});

const running = `FROM scratch AS build
ARG TARGETARCH BUILDPLATFORM
COPY busybox-$TARGETARCH /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "echo $(/bin/busybox uname -m) on $BUILDPLATFORM > /out"]
FROM scratch
COPY --from=build /out /out
`;

async function planFor(
  farm: Farm,
  name: string,
  text: string,
  platforms: readonly string[],
): Promise<DockerfilePlan> {
  const context = join(home.path, name);
  await mkdir(context, { recursive: true });
  await writeFile(join(context, "Dockerfile"), text);
  for (const architecture of ["amd64", "arm64"])
    await writeFile(
      join(context, `busybox-${architecture}`),
      await readFile(join(engines.root("busybox"), architecture, "bin/busybox")),
      { mode: 0o755 },
    );
  const request = plainRequest(context, platforms, { fallback: "emulate" });
  return placePlatforms(request, parseDockerfile(text), farm, {
    flow: stageFlow,
    hazards: [],
    solve: ({ platform }) => ({
      ...request,
      platform,
      delivery: { kind: "layout", directory: join(home.path, `${name}-${platform.architecture}`) },
      metadataFile: join(home.path, `${name}-${platform.architecture}.json`),
    }),
  });
}

describeWith(engines, needed, "a plan on real nodes", () => {
  it.each(["buildx", "buildctl"] as const)(
    "000-14 001-07 001-08 gives each platform its native node, and commands that a shell runs (%s)",
    async (backend) => {
      const host = userHost(engines, home.path);
      await using farm = await farmOf(host, {
        builders: [amd64.address, arm64.address],
        platforms: ["linux/amd64", "linux/arm64"],
        options: { backend },
      });
      const plan = await planFor(farm, `running-${backend}`, running, ["linux/arm64", "linux/amd64"]);
      expect(
        plan.platforms.map(({ platform, candidates: [first] }) => [platform, first?.node, first?.placement]),
      ).toEqual([
        ["linux/arm64", arm64.address, "native"],
        ["linux/amd64", amd64.address, "native"],
      ]);
      expect(plan.platforms[0]?.candidates[1]).toMatchObject({
        placement: "emulated",
        emulatedStages: ["build"],
      });
      expect(plan.nodes[0]?.platforms).toContain("linux/arm64");
      for (const { candidates, platform } of plan.platforms) {
        await run("sh", ["-c", candidates[0]?.command ?? "false"], { env: host.env });
        const { architecture } = parsePlatform(platform);
        const layout = join(home.path, `running-${backend}-${architecture}`);
        const index = await readFile(join(layout, "index.json"), "utf8");
        expect(index).toContain("application/vnd.oci.image.index.v1+json");
        const { stdout } = await run("sh", [
          "-c",
          `cat ${layout}/blobs/sha256/* | tr -d ' \\n' | grep -ac '"architecture":"${architecture}"'`,
        ]);
        expect(Number(stdout)).toBe(1);
      }
    },
    90_000,
  );

  it("crosses on a node that can't run the platform, and refuses where something of it runs", async () => {
    await using farm = await farmOf(userHost(engines, home.path), {
      builders: [amd64.address],
      platforms: ["linux/s390x"],
      options: { backend: "buildctl" },
    });
    const crossing = running.replace("FROM scratch AS", "FROM --platform=$BUILDPLATFORM scratch AS");
    const plan = await planFor(farm, "crossing", crossing, ["linux/s390x"]);
    expect(plan.platforms[0]?.candidates).toMatchObject([{ placement: "cross", emulatedStages: [] }]);
    await expect(planFor(farm, "refused", running, ["linux/s390x"])).rejects.toMatchObject({
      code: "BUILDER_LACKS_PLATFORM",
    });
  }, 60_000);
});
