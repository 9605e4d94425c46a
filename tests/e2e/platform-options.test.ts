import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBuildkitd, type Buildkitd } from "../engines/buildkitd.ts";
import { crane } from "../engines/clients.ts";
import { ensureEngines } from "../engines/install.ts";
import { startRegistry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch } from "./anyarch.ts";
import { prepareExample, sharedCacheDir } from "./example-service.ts";
import { openSite, type Site } from "./dockerfile/site.ts";

const engines = await ensureEngines(["buildkit", "docker-registry", "crane"]);

interface Inspected {
  readonly platforms: readonly {
    readonly platform: string;
    readonly digest: string;
    readonly config: { readonly Env?: readonly string[]; readonly Labels?: Readonly<Record<string, string>> };
  }[];
}
interface Verified {
  readonly platforms: readonly {
    readonly ok: boolean;
    readonly findings: readonly { readonly code: string; readonly severity: string }[];
  }[];
}

const both = "linux/amd64,linux/amd64/v3";
const program = 'void _start(void) { __asm__ volatile("mov $60, %eax; xor %edi, %edi; syscall"); }\n';

/** A program for each level, which says in its notes what it needs, or why there is none. */
function compile(directory: string): string | undefined {
  const source = join(directory, "main.c");
  mkdirSync(directory, { recursive: true });
  writeFileSync(source, program);
  try {
    for (const level of ["x86-64", "x86-64-v3"]) {
      const needs = level === "x86-64" ? [] : [`-Wl,-z,${level}`];
      const flags = [`-march=${level}`, ...needs, "-nostdlib", "-static", "-fcf-protection=none"];
      execFileSync("gcc", [...flags, "-o", join(directory, level), source], { stdio: "pipe" });
    }
    return undefined;
  } catch (error) {
    return `no gcc for x86-64: ${String(error).split("\n")[0]}`;
  }
}

async function json<T>(site: Site, ...args: string[]): Promise<T> {
  const { stdout } = await anyarch([...args, "--format", "json"], { cwd: site.work, env: site.env });
  return JSON.parse(stdout) as T;
}

describeWith(engines, ["buildkit", "docker-registry", "crane"], "options of one platform", () => {
  let node: Buildkitd;
  let site: Site;
  let without: string | undefined;

  beforeAll(async () => {
    node = await startBuildkitd();
    const path = [node.path, process.env["PATH"] ?? ""].join(":");
    site = openSite({ PATH: path, ANYARCH_BUILDKIT_BACKEND: "buildctl" });
    without = compile(join(site.work, "programs"));
  });

  afterAll(async () => {
    await node?.stop();
    site?.[Symbol.dispose]();
  });

  it("004-37 build an optimised variant of a Dockerfile beside the baseline", async (context) => {
    if (without !== undefined) return context.skip(without);
    await using registry = await startRegistry();
    const tag = `${registry.host}/app:1`;
    site.write([
      "FROM scratch",
      "ARG LEVEL=x86-64 TARGETVARIANT",
      "COPY programs/$LEVEL /app",
      // Only a processor that has the level runs it.
      ...(readFileSync("/proc/cpuinfo", "utf8").includes(" avx2 ") ? ['RUN ["/app"]'] : []),
      'ENV VARIANT="$TARGETVARIANT"',
      'ENTRYPOINT ["/app"]',
    ]);
    const config = [
      '[platforms."linux/amd64/v3"]',
      'build_args = { LEVEL = "x86-64-v3" }',
      'labels = { level = "v3" }',
      '[platforms."linux/arm64"]',
      "optional = true",
    ];
    site.write(config, "anyarch.toml");
    const flags = ["--platform", both, "--builder", node.address, "--tag", tag, "--push"];
    const built = await site.build(flags);
    expect(built, built.stderr).toMatchObject({ code: 0 });
    const { platforms } = await json<Inspected>(site, "inspect", tag);
    expect(
      platforms.map(({ platform, config: { Env, Labels = {} } }) => [platform, Env?.at(-1), Labels]),
    ).toEqual([
      ["linux/amd64", "VARIANT=", {}],
      ["linux/amd64/v3", "VARIANT=v3", { level: "v3" }],
    ]);
    // A client that knows variants takes the one it asks for, others the baseline.
    for (const { platform, digest } of platforms) {
      const { stdout } = await crane(["digest", "--platform", platform, tag], { registry });
      expect(stdout.trim()).toBe(digest);
    }
    expect(await json<Verified>(site, "verify", tag)).toMatchObject({
      platforms: [
        { ok: true, findings: [] },
        { ok: true, findings: [] },
      ],
    });
  });

  it("004-37 warn of a program for better processors in the plain image", async (context) => {
    if (without !== undefined) return context.skip(without);
    site.write(["FROM scratch", "COPY programs/x86-64-v3 /app", 'ENTRYPOINT ["/app"]']);
    const built = await site.build(["--platform", both, "--builder", node.address]);
    expect(built, built.stderr).toMatchObject({ code: 0 });
    expect(built.stderr).toMatch(/app needs x86-64-v3, the image says linux\/amd64/);
    const { platforms } = await json<Verified>(site, "verify", "oci:dist/image");
    expect(platforms.map(({ findings }) => findings.map(({ code }) => code))).toEqual([
      ["ELF_ISA_LEVEL"],
      [],
    ]);
    const { platforms: needs } = await json<{ platforms: { words: { processor: string } }[] }>(
      site,
      "requirements",
      "oci:dist/image",
    );
    expect(needs.map(({ words }) => words.processor)).toEqual([
      "x86-64-v3 (AVX2, BMI2, FMA), as app declares",
      "x86-64-v3 (AVX2, BMI2, FMA)",
    ]);
  });
});

describe("options of one platform, without a Dockerfile", () => {
  it("004-37 give it a base, environment and labels of its own", async () => {
    using site = openSite({ ANYARCH_CACHE_DIR: sharedCacheDir() });
    const base = (name: string): string => `oci:${join(site.root, name)}`;
    const app = prepareExample("hello-python", join(site.work, "app"));
    const build = async (...args: readonly string[]): Promise<void> => {
      const built = await anyarch(["build", "app", ...args], { cwd: site.work, env: site.env });
      expect(built, built.stderr).toMatchObject({ code: 0 });
    };
    await build("--platform", "linux/amd64,linux/arm64", "-e", "BASE=common", "-o", base("common"));
    await build("-b", base("common"), "--platform", "linux/amd64", "-e", "BASE=tuned", "-o", base("tuned"));
    const config = [
      "[build]",
      `base_image = "${base("common")}"`,
      "[build.env]",
      "WORKERS = 2",
      '[platforms."linux/arm64"]',
      "env = { WORKERS = 8 }",
      'labels = { tuned = "yes" }',
      '[platforms."linux/amd64/v3"]',
      `base_image = "${base("tuned")}"`,
    ];
    writeFileSync(join(app, "anyarch.toml"), config.join("\n"));
    await build("--platform", "linux/amd64,linux/amd64/v3,linux/arm64", "-o", "oci:out");
    const { platforms } = await json<Inspected>(site, "inspect", "oci:out");
    const told = platforms.map(({ platform, config: { Env = [], Labels = {} } }) => ({
      platform,
      env: Env.filter((line) => /^(?:BASE|WORKERS)=/.test(line)),
      Labels,
    }));
    expect(told).toEqual([
      { platform: "linux/amd64", env: ["BASE=common", "WORKERS=2"], Labels: {} },
      { platform: "linux/amd64/v3", env: ["BASE=tuned", "WORKERS=2"], Labels: {} },
      { platform: "linux/arm64", env: ["BASE=common", "WORKERS=8"], Labels: { tuned: "yes" } },
    ]);
    const { platforms: proved } = await json<Verified>(site, "verify", "oci:out");
    expect(proved.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(
      proved.flatMap(({ findings }) => findings.filter(({ code }) => code === "CONFIG_PLATFORM")),
    ).toEqual([]);
  });
});
