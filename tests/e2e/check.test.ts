import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sampleText } from "../../src/diagnose/dockerfile/rule.ts";
import { dockerfileRules } from "../../src/diagnose/rules/dockerfile-rules.ts";
import { startBuildkitd } from "../engines/buildkitd.ts";
import { ensureEngines } from "../engines/install.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace } from "./anyarch.ts";

const good = `FROM --platform=$BUILDPLATFORM golang:1.24 AS build
ARG TARGETOS TARGETARCH
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .
FROM scratch
COPY --from=build /app /app
`;
const bad = `FROM debian:bookworm-slim
RUN curl -fsSLo /usr/bin/tool https://tool.example/v1/tool-linux-amd64 && chmod +x /usr/bin/tool
`;

interface Report {
  readonly schema: string;
  readonly findings: readonly { readonly rule: string; readonly file: string; readonly line: number }[];
}

it("003-20 judges every Dockerfile of a directory with one command, by exit code and as JSON", async () => {
  using place = makeWorkspace();
  const at = { cwd: place.path, env: place.env };
  for (const [name, text] of Object.entries({ orchestrator: good, patcher: bad })) {
    mkdirSync(join(place.path, name));
    writeFileSync(join(place.path, name, "Dockerfile"), text);
  }
  const text = await anyarch(["check", "."], at);
  expect(text.code).toBe(1);
  expect(text.stdout).toMatch(/patcher\/Dockerfile:2/);
  const json = await anyarch(["check", ".", "--format", "json"], at);
  expect(json.code).toBe(1);
  const report = JSON.parse(json.stdout) as Report;
  expect(report.schema).toBe("anyarch.check/v1");
  expect(report.findings).toMatchObject([
    { rule: "hardcoded-arch-download", file: "patcher/Dockerfile", line: 2, severity: "error" },
  ]);
  // On the only platform that the file is right for there is nothing to find.
  expect((await anyarch(["check", "patcher", "--platform", "linux/amd64"], at)).code).toBe(0);
  expect((await anyarch(["check", "orchestrator"], at)).code).toBe(0);
  expect((await anyarch(["check", "nowhere"], at)).code).toBe(2);
});

const engines = await ensureEngines(["buildkit"]);

describeWith(engines, ["buildkit"], "what check --fix writes", () => {
  it("is parsed by BuildKit, for the samples of every rule, and a second run changes nothing", async () => {
    using place = makeWorkspace();
    await using node = await startBuildkitd();
    const samples = dockerfileRules.flatMap(({ id, bad: texts }) =>
      texts.map((sample, index) => ({ name: `${id}-${index}.Dockerfile`, text: sampleText(sample) })),
    );
    for (const { name, text } of samples) writeFileSync(join(place.path, name), text);
    const at = { cwd: place.path, env: place.env };
    await anyarch(["check", ".", "--fix"], at);
    const fixed = samples.filter(({ name, text }) => readFileSync(join(place.path, name), "utf8") !== text);
    expect(fixed.length).toBeGreaterThan(5);
    const refused: string[] = [];
    for (const { name } of fixed) {
      const request =
        `--local context=${place.path} --local dockerfile=${place.path} --opt requestid=frontend.outline`.split(
          " ",
        );
      const { stderr } = await node.buildctl(
        ["build", "--frontend", "dockerfile.v0", ...request, "--opt", `filename=${name}`],
        { anyExit: true },
      );
      // Bases can't be asked for here: a file that is parsed gets as far as that.
      if (/parse error|unknown instruction|unknown flag|syntax error/.test(stderr)) refused.push(name);
    }
    expect(refused).toEqual([]);
    const once = fixed.map(({ name }) => readFileSync(join(place.path, name), "utf8"));
    await anyarch(["check", ".", "--fix"], at);
    expect(fixed.map(({ name }) => readFileSync(join(place.path, name), "utf8"))).toEqual(once);
  });
});
