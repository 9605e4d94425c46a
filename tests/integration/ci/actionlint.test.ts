import { spawnSync } from "node:child_process";
import { afterAll, expect, it } from "vitest";
import { ensureEngines } from "../../engines/install.ts";
import { describeWith } from "../../engines/suites.ts";
import { TestRepository } from "../../unit/ci/repository.ts";

const engines = await ensureEngines(["actionlint"]);
const strange = `it's "odd" \${{ github.actor }}`;
const repository = new TestRepository({
  Dockerfile: "FROM alpine:3.20\n",
  [`${strange}/Dockerfile`]: "FROM alpine:3.20\n",
  "app/app.py": "",
});
afterAll(() => repository[Symbol.dispose]());

function lint(input: string): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync(engines.program("actionlint"), ["-no-color", "-"], {
    input,
    encoding: "utf8",
  });
  return { status, said: stdout + stderr };
}

describeWith(engines, ["actionlint"], "actionlint", () => {
  it.each([
    { platforms: ["linux/amd64,linux/arm64,linux/arm/v7?"] },
    { mode: "matrix" },
    { mode: "qemu", runners: ["linux/arm64=self-hosted,linux,arm64"] },
    { mode: "single", tags: ["registry.example/a:1"] },
    { context: "app", runners: ["linux/arm64=self-hosted,linux,arm64"] },
    { context: strange },
  ])("003-30 004-36 finds no fault in the workflow for %j", async (options) => {
    expect(lint(await repository.text(options))).toEqual({ status: 0, said: "" });
  });

  it("would find one", async () => {
    const text = await repository.text();
    const broken = text.replaceAll("needs.build.outputs", "needs.gone.outputs").replace("runs-on", "run-on");
    expect(lint(broken).said).toMatch(/property "gone" is not defined/);
  });
});
