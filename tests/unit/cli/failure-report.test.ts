import { describe, expect, it } from "vitest";
import { showError } from "../../../src/cli/render/error.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { AnyarchError, type Diagnosis, type EnvironmentFacts } from "../../../src/index.ts";

const diagnosis: Diagnosis = {
  code: "qemu-sigsegv-signal-11",
  title: "The program crashed under QEMU",
  architecture: true,
  confidence: "certain",
  platform: "linux/arm64",
  emulated: true,
  step: { stage: "builder", index: 4, total: 7, command: "RUN make" },
  evidence: [{ line: 3, text: "qemu: uncaught target signal 11" }],
  why: "This QEMU translates code wrongly.",
  fixes: [{ title: "Build it on a machine of its own CPU", detail: "--builder linux/arm64=ssh://HOST" }],
  references: [],
};

const environment: EnvironmentFacts = {
  node: "v20.20.2",
  host: { os: "linux", arch: "x64", kernel: "6.1" },
  mode: { kind: "container", rootless: false, text: "In a container without a Docker socket." },
  dockerClient: "28.2.2",
  client: "buildctl 0.26.3",
  builders: [{ name: "tcp://arm:1234", native: "linux/arm64", driver: "buildkitd", version: "v0.26.3" }],
  emulators: [],
};

function shown(details: Readonly<Record<string, unknown>>, hint: string): string {
  let text = "";
  const terminal: Terminal = {
    columns: 100,
    live: false,
    out: () => {},
    err: (more) => void (text += more),
    paint: (_stream, _style, word) => word,
  };
  const error = new AnyarchError("BUILD_FAILED", "linux/arm64 failed.", { hint, details });
  expect(showError(terminal, error, { verbose: false, json: false, events: false, version: "1.2.3" })).toBe(
    1,
  );
  return text;
}

describe("the report of a failed build", () => {
  it("says a diagnosis and its fixes once, and of the hint what they don't say", () => {
    const other = { ...diagnosis, platform: "linux/arm/v7" };
    const hint =
      "Build it on a machine of its own CPU: --builder\nOr publish what could be built: --fallback available";
    expect(shown({ diagnoses: [diagnosis, other] }, hint)).toBe(
      [
        "error linux/arm64 failed.",
        "  Or publish what could be built: --fallback available",
        "  [BUILD_FAILED]",
        "",
        "The program crashed under QEMU [qemu-sigsegv-signal-11]",
        "  linux/arm64, emulated, stage builder, step 4/7: RUN make",
        "  linux/arm/v7, emulated, stage builder, step 4/7: RUN make",
        "  > qemu: uncaught target signal 11",
        "  This QEMU translates code wrongly.",
        "  fix Build it on a machine of its own CPU",
        "    --builder linux/arm64=ssh://HOST",
        "",
      ].join("\n"),
    );
  });

  it("speaks of Docker where it is used", () => {
    const without = shown({ environment }, "Look.");
    expect(without).toContain("  In a container.\n");
    expect(without).not.toContain("docker");
    const builders = [{ name: "default", driver: "docker", native: "linux/amd64" }];
    const used = { ...environment, client: "buildx 0.29.1", dockerServer: "26.1.5", builders };
    const withDocker = shown({ environment: used }, "Look.");
    expect(withDocker).toContain("  In a container without a Docker socket.\n");
    expect(withDocker).toContain("  docker client 28.2.2, server 26.1.5\n");
  });
});
