import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBuildkitd, type Buildkitd } from "../engines/buildkitd.ts";
import { clientEnvironment, startRegistry, type Registry } from "../engines/registry.ts";
import { ensureEngines } from "../engines/install.ts";
import { run } from "../engines/process.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace, type Run, type RunOptions, type Workspace } from "./anyarch.ts";

const needed = ["buildkit", "busybox", "qemu", "docker-registry", "crane"] as const;
const engines = await ensureEngines([...needed, "openssl"]);

let space: Workspace;
let registry: Registry;
let amd64: Buildkitd;
let env: Record<string, string>;

/** Writes a Dockerfile with busybox for the target and these steps in a stage "builder". */
async function dockerfile(...steps: readonly string[]): Promise<void> {
  const head = ["FROM scratch AS tools", "ARG TARGETARCH", "COPY busybox-$TARGETARCH /bin/busybox"];
  const install = 'RUN ["/bin/busybox", "--install", "-s", "/bin"]';
  const lines = [
    ...head,
    install,
    "FROM tools AS builder",
    ...steps,
    "FROM tools",
    "COPY --from=builder /out /out",
  ];
  await writeFile(join(space.path, "Dockerfile"), `${lines.join("\n")}\n`);
}

function build(args: readonly string[], options: Pick<RunOptions, "onStart"> = {}): Promise<Run> {
  const platforms = ["--platform", "linux/amd64,linux/arm64", "--progress", "plain"];
  const builder = ["--builder", `linux/amd64=${amd64.address}`];
  return anyarch(["build", ".", ...platforms, ...builder, ...args], {
    ...options,
    cwd: space.path,
    env: { ...space.env, ...env },
  });
}

/** Calls `action` once the build has written `text`. */
function when(
  text: string,
  action: (kill: (signal: NodeJS.Signals) => void) => void,
): Pick<RunOptions, "onStart"> {
  return {
    onStart(kill, stderr) {
      const timer = setInterval(() => {
        if (!stderr().includes(text)) return;
        clearInterval(timer);
        action(kill);
      }, 50);
    },
  };
}

describeWith(engines, [...needed, "openssl"], "Dockerfiles on two nodes", () => {
  beforeAll(async () => {
    space = makeWorkspace();
    await mkdir(space.path, { recursive: true });
    for (const architecture of ["amd64", "arm64"]) {
      const program = join(engines.root("busybox"), architecture, "bin/busybox");
      await copyFile(program, join(space.path, `busybox-${architecture}`));
    }
    registry = await startRegistry({ tls: true, auth: "basic" });
    amd64 = await startBuildkitd({ registries: [registry] });
    env = {
      ...(await clientEnvironment(join(space.path, "..", "client"), [registry])),
      PATH: `${amd64.path}:${process.env["PATH"] ?? ""}`,
      ANYARCH_BUILDKIT_BACKEND: "buildctl",
    };
  });
  afterAll(async () => {
    await amd64.stop();
    await registry.stop();
    space[Symbol.dispose]();
  });

  it("000-17 are built natively on each and pushed as one index under two tags", async () => {
    await using arm64 = await startBuildkitd({
      architecture: "arm64",
      listen: "tcp",
      registries: [registry],
    });
    await dockerfile("RUN echo built on $(uname -m) | tee /out");
    const tags = ["1.0", "latest"].map((tag) => `${registry.host}/team/app:${tag}`);
    const metadata = join(space.path, "metadata.json");
    const { code, stderr } = await build([
      "--builder",
      `linux/arm64=${arm64.address}`,
      ...tags.flatMap((tag) => ["--tag", tag]),
      "--push",
      "--metadata-file",
      metadata,
    ]);
    expect(stderr).toContain("linux/arm64 builder 1/1 │ built on aarch64");
    expect(stderr).toContain("linux/amd64 builder 1/1 │ built on x86_64");
    expect(code).toBe(0);
    const crane = (args: readonly string[]) =>
      run(engines.program("crane"), args, { env: { ...process.env, ...env } });
    const digests = await Promise.all(tags.map(async (tag) => (await crane(["digest", tag])).stdout.trim()));
    expect(new Set(digests).size).toBe(1);
    const told = JSON.parse(await readFile(metadata, "utf8")) as Record<string, unknown>;
    expect(told["containerimage.digest"]).toBe(digests[0]);
    expect(told["anyarch.platforms"]).toMatchObject([
      { platform: "linux/amd64", placement: "native", node: amd64.address },
      { platform: "linux/arm64", placement: "native", node: arm64.address },
    ]);
  });

  it("000-18 000-19 lose a node in mid-build: all or nothing by default, the rest with --fallback available", async () => {
    await dockerfile(
      'RUN if [ "$(uname -m)" = aarch64 ]; then echo waiting; sleep 600; fi; echo done > /out',
    );
    for (const [fallback, expected] of [
      ["none", 1],
      ["available", 3],
    ] as const) {
      await using arm64 = await startBuildkitd({ architecture: "arm64", listen: "tcp" });
      const output = join(space.path, fallback);
      const args = ["--builder", `linux/arm64=${arm64.address}`, "--no-emulation", "--fallback", fallback];
      const { code, stderr } = await build(
        [...args, "--output", `oci:${output}`],
        when("│ waiting", () => void arm64.kill()),
      );
      expect(stderr).toMatch(
        /linux\/arm64 was interrupted on tcp:\S+ \(native\), in \[builder 1\/1\] RUN if/,
      );
      expect(code).toBe(expected);
      if (fallback === "available") expect(stderr).toMatch(/LEFT OUT linux\/arm64[\s\S]*exit code 3/);
      const index = await readFile(join(output, "index.json"), "utf8").catch(() => undefined);
      expect(index === undefined).toBe(fallback === "none");
    }
  });

  it("end at once with Ctrl-C, and leave no process", async () => {
    await dockerfile("RUN echo waiting; sleep 600; touch /out");
    const args = ["--builder", `linux/arm64=${amd64.address}`, "--output", `oci:${space.path}/cancelled`];
    const { code, stderr } = await build(
      args,
      when("│ waiting", (kill) => kill("SIGINT")),
    );
    expect(code).toBe(130);
    expect(stderr).toContain("Cancelled");
    const left = await run("pgrep", ["-f", `buildctl .*${amd64.address}`], { anyExit: true });
    expect(left.stdout).toBe("");
  });
});
