import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startBuildkitd } from "../engines/buildkitd.ts";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace } from "./anyarch.ts";

const needed = ["buildkit", "busybox", "qemu"] as const;
const engines = await ensureEngines(needed);

describeWith(engines, needed, "bench of a build", () => {
  it("003-18 measures native against emulated build time of a Dockerfile", async () => {
    await registerQemu();
    using workspace = makeWorkspace();
    await using node = await startBuildkitd({ platforms: ["linux/amd64", "linux/arm64"] });
    const directory = join(workspace.path, "app");
    mkdirSync(directory);
    for (const architecture of ["amd64", "arm64"]) {
      const program = join(engines.root("busybox"), architecture, "bin/busybox");
      copyFileSync(program, join(directory, `busybox-${architecture}`));
    }
    const loop = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";
    const lines = [
      "FROM scratch",
      "ARG TARGETARCH",
      "COPY busybox-$TARGETARCH /bin/busybox",
      `RUN ["/bin/busybox", "sh", "-c", "${loop}"]`,
    ];
    writeFileSync(join(directory, "Dockerfile"), lines.join("\n"));
    writeFileSync(join(directory, "anyarch.toml"), `[builders]\nall = "${node.address}"\n`);
    const env = { ...workspace.env, PATH: `${node.path}:${process.env["PATH"] ?? ""}` };
    const run = await anyarch(["bench", "app", "--format", "json"], { cwd: workspace.path, env });
    expect(run.code, run.stderr).toBe(0);
    const report: unknown = JSON.parse(run.stdout);
    expect(report).toMatchObject({
      schema: "anyarch.bench/v1",
      measured: "build",
      platforms: [
        { platform: "linux/amd64", execution: "native", times: { runs: 1 } },
        { platform: "linux/arm64", execution: "emulated", times: { runs: 1 } },
      ],
    });
    const { platforms } = report as { platforms: { slower?: { median: number } }[] };
    expect(platforms[1]?.slower?.median).toBeGreaterThan(1);
  });
});
