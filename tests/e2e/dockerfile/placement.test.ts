import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { describeWith } from "../../engines/suites.ts";
import { both, buildxFarmEngines, farmForAll, type TestFarm } from "./farm.ts";

const engines = await ensureEngines(buildxFarmEngines);

let farm: TestFarm;
farmForAll(
  engines,
  {
    Dockerfile: ["FROM busybox:stable AS build", "RUN uname -m > /machine", 'CMD ["cat", "/machine"]'],
    "cross.Dockerfile": [
      "FROM --platform=$BUILDPLATFORM busybox:stable AS build",
      "ARG TARGETARCH",
      "RUN echo $(uname -m) for $TARGETARCH > /machine",
      "FROM busybox:stable",
      "COPY --from=build /machine /machine",
    ],
  },
  (started) => {
    farm = started;
  },
);

interface Recorded {
  readonly record: { readonly Exporters?: readonly { readonly Type: string }[] };
}

/** What a machine was asked to build so far, by what became of it: BuildKit keeps a history. */
async function history(node: Buildkitd): Promise<readonly string[]> {
  const { stdout } = await node.buildctl(["debug", "histories", "--format", "{{json .}}"]);
  const records = stdout.split("\n").filter((line) => line.startsWith("{"));
  return records.flatMap((line) =>
    ((JSON.parse(line) as Recorded).record.Exporters ?? []).map(({ Type }) => Type),
  );
}

const metadata = (name: string): unknown => JSON.parse(readFileSync(join(farm.workspace.path, name), "utf8"));

describeWith(engines, buildxFarmEngines, "Where platforms are built", () => {
  it("001-08 is refused before anything is built, when nobody can build one of them", async () => {
    const before = (await farm.registry.requests()).length;
    const tag = `${farm.registry.host}/refused/app:1`;
    const platforms = ["--platform", "linux/amd64,linux/arm64,linux/s390x"];
    const args = [
      ...farm.builders,
      ...platforms,
      "-t",
      tag,
      "--push",
      "--metadata-file",
      "refused.json",
      ".",
    ];
    const refused = await farm.anyarch(["build", ...args]);
    expect(refused.code).toBe(1);
    const { amd64, arm64 } = farm.names;
    expect(refused.stderr).toContain("No builder can build linux/s390x:\n");
    expect(refused.stderr).toContain(`${amd64} is linux/amd64, was named for linux/amd64 only, and can run`);
    expect(refused.stderr).toContain(`${arm64} is linux/arm64, was named for linux/arm64 only, and can run`);
    expect(refused.stderr).toContain("--builder linux/s390x=ssh://USER@HOST");
    expect(metadata("refused.json")).toMatchObject({ "anyarch.error": { code: "BUILDER_LACKS_PLATFORM" } });
    // The machines saw the probe's builds, whose result is a file, and the registry nothing.
    expect(new Set(await history(farm.amd64))).toEqual(new Set(["local"]));
    expect(new Set(await history(farm.arm64))).toEqual(new Set(["local"]));
    const asked = (await farm.registry.requests()).slice(before);
    expect(asked.filter(({ method }) => ["PUT", "PATCH"].includes(method))).toEqual([]);
  });

  it("000-19 leaves out what nobody can build with --fallback available, and never all", async () => {
    const args = ["--builder", farm.endpoints.amd64, "--fallback", "available"];
    const some = await farm.anyarch(["build", ...args, "--platform", "linux/amd64,linux/s390x", "."]);
    expect(some.code).toBe(3);
    expect(some.stderr).toMatch(/LEFT OUT linux\/s390x {2}No builder can build linux\/s390x/);
    const none = await farm.anyarch(["build", ...args, "--platform", "linux/s390x", "."]);
    expect(none).toMatchObject({ code: 1 });
  });

  it("003-17 000-09 004-28 is emulation with a warning of what it costs, and with its report", async () => {
    const args = ["--builder", farm.endpoints.amd64, "--platform", "linux/arm64"];
    const plan = await farm.anyarch(["build", ...args, "--dry-run", "."]);
    expect(plan.stdout).toMatch(/emulated stages: build/);
    const cost = /RUN instructions of stage build take 2 to 4 times as long[\s\S]*memory and CPU/;
    expect(plan.stdout).toMatch(cost);
    const built = await farm.anyarch(["build", ...args, "--output", "oci:emulated", "."]);
    expect(built).toMatchObject({ code: 0 });
    expect(built.stderr).toMatch(cost);
    expect(built.stderr.search(cost)).toBeLessThan(built.stderr.indexOf("RUN uname -m"));
    expect(built.stdout).toMatch(/linux\/arm64 .*emulated on tcp:/);
    expect(await farm.anyarch(["verify", "oci:emulated"])).toMatchObject({ code: 0 });
  });

  it("000-17 needs no emulation where the Dockerfile crosses, and says nothing of its cost", async () => {
    const args = [
      "--builder",
      farm.endpoints.amd64,
      ...both,
      "-f",
      "cross.Dockerfile",
      "--output",
      "oci:cross",
    ];
    const built = await farm.anyarch(["build", ...args, "--metadata-file", "cross.json", "."]);
    expect(built).toMatchObject({ code: 0 });
    expect(built.stderr).not.toContain("emulated");
    expect(metadata("cross.json")).toMatchObject({
      "anyarch.platforms": [{ placement: "native" }, { platform: "linux/arm64", placement: "cross" }],
    });
  });

  it("000-10 000-11 warns of what the Dockerfile does to a foreign platform before it is built", async () => {
    farm.write({
      "hazard/Dockerfile": [
        "FROM busybox:stable",
        "COPY --chmod=755 dotnet /bin/",
        "RUN dotnet publish -c Release -r linux-musl-x64 -p:PublishReadyToRun=true",
      ],
      "hazard/dotnet": "#!/bin/sh\n",
    });
    const args = ["--builder", farm.endpoints.amd64, ...both, "hazard"];
    const plan = await farm.anyarch(["build", "--dry-run", "--format", "json", ...args]);
    expect(JSON.parse(plan.stdout)).toMatchObject({
      hazards: [
        { rule: "hardcoded-dotnet-rid", line: 3, platforms: ["linux/arm64"] },
        { rule: "heavy-compile-under-emulation", line: 3, platforms: ["linux/arm64"] },
      ],
    });
    const built = await farm.anyarch(["build", ...args, "--output", "oci:hazard-out"]);
    expect(built).toMatchObject({ code: 0 });
    const warned = built.stderr.search(
      /warning heavy-compile-under-emulation: hazard\/Dockerfile:3 .*ReadyToRun/,
    );
    expect(warned).toBeGreaterThan(0);
    expect(warned).toBeLessThan(built.stderr.indexOf("COPY --chmod"));
    // Where each platform has its own machine there is no emulation to warn of.
    const native = await farm.anyarch(["build", "--dry-run", ...farm.builders, ...both, "hazard"]);
    expect(native.stdout).toMatch(/hazards\n.*linux-musl-x64/);
    expect(native.stdout).not.toContain("under-emulation");
  });
});
