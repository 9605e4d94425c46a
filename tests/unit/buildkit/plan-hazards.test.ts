import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DockerfilePlan, Placement, PlannedHazard } from "../../../src/buildkit/dockerfile-plan.ts";
import { hazardsFor, warnBeforeBuild, withRelevantHazards } from "../../../src/buildkit/plan-hazards.ts";
import type { BuildEvent } from "../../../src/events/event.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir } from "../../../src/host/temp-dir.ts";
import { plainRequest } from "../../data/plain-request.ts";
import { buildElf, machines } from "../verify/elf-builder.ts";

const dockerfile = `FROM sdk AS build
RUN dotnet publish App.csproj -c Release -o /app -r linux-musl-x64 -p:PublishReadyToRun=true
FROM runtime
COPY --from=build /app /app
`;

const both = ["linux/amd64", "linux/arm64"];

function findHazards(): Promise<readonly PlannedHazard[]> {
  return hazardsFor(plainRequest("/srv/app", both), dockerfile, "/srv");
}

const hazards = await findHazards();

function planWith(arm64: Placement): DockerfilePlan {
  const placed = (platform: string, placement: Placement) => ({
    platform,
    optional: false,
    candidates: [{ node: "a", placement, why: "", emulatedStages: [], command: "" }],
  });
  return {
    platforms: [placed("linux/amd64", "native"), placed("linux/arm64", arm64)],
    hazards,
  } as unknown as DockerfilePlan;
}

const rules = (plan: DockerfilePlan): readonly string[] => plan.hazards.map(({ rule }) => rule);

describe("hazards of a planned build", () => {
  it("are those of the files in its context, too", async () => {
    await using context = await makeTempDir();
    writeFileSync(join(context.path, "server"), buildElf({ machine: machines.aarch64 }));
    const text = "FROM debian:12\nCOPY server /usr/bin/server\n";
    expect(await hazardsFor(plainRequest(context.path, both), text, context.path)).toMatchObject([
      { rule: "context-binary-foreign", file: "Dockerfile", line: 2, platforms: ["linux/amd64"] },
    ]);
  });

  it("000-10 names ReadyToRun under emulation and the fixed RID, with the place", () => {
    expect(hazards).toMatchObject([
      { rule: "hardcoded-dotnet-rid", file: "app/Dockerfile", line: 2, severity: "error" },
      { rule: "heavy-compile-under-emulation", file: "app/Dockerfile", line: 2, severity: "warning" },
    ]);
  });

  it("leaves hazards of emulation out where nothing is emulated", () => {
    expect(rules(withRelevantHazards(planWith("emulated")))).toContain("heavy-compile-under-emulation");
    expect(rules(withRelevantHazards(planWith("native")))).toEqual(["hardcoded-dotnet-rid"]);
  });

  it("says five before the build, and how many more there are", () => {
    const events: BuildEvent[] = [];
    const ctx = createContext(createNodeHost(), { emit: (event) => void events.push(event) });
    const [hazard] = hazards;
    if (hazard === undefined) throw new Error("no hazard");
    warnBeforeBuild({ ...planWith("native"), hazards: Array.from({ length: 7 }, () => hazard) }, ctx);
    expect(events).toHaveLength(6);
    expect(events[0]).toMatchObject({
      type: "diagnostic",
      severity: "warning",
      code: "hardcoded-dotnet-rid",
      message: expect.stringMatching(/^app\/Dockerfile:2 /),
    });
    expect(events[5]).toMatchObject({ message: "2 more hazards: see `anyarch check`." });
  });
});
