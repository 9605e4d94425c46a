import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDockerfileRequest, type DockerfileRequest } from "../../../src/plan/dockerfile-request.ts";
import type { BuildOptions } from "../../../src/plan/build-options.ts";
import type { DockerfilePlan } from "../../../src/buildkit/dockerfile-plan.ts";
import type { PlatformBuilt, PlatformFailed } from "../../../src/buildkit/outcome.ts";
import { AnyarchError } from "../../../src/errors/error.ts";
import type { Context } from "../../../src/host/context.ts";
import type { Descriptor } from "../../../src/oci/content.ts";
import { formatPlatform, parsePlatform } from "../../../src/oci/platform.ts";
import { familiarReference, parseReference } from "../../../src/oci/reference.ts";
import { RegistryClient } from "../../../src/registry/client.ts";
import { LayoutStore } from "../../../src/stores/layout-store.ts";
import { RegistryStore } from "../../../src/stores/registry-store.ts";
import type { Buildkitd } from "../../engines/buildkitd.ts";
import { needEngine } from "../../engines/install.ts";
import type { Registry } from "../../engines/registry.ts";

/** A context with busybox for two architectures, and the Dockerfile given. */
export async function makeContext(directory: string, dockerfile: readonly string[]): Promise<string> {
  await mkdir(directory, { recursive: true });
  const busybox = await needEngine("busybox");
  for (const architecture of ["amd64", "arm64"]) {
    const program = join(busybox.root("busybox"), architecture, "bin/busybox");
    await copyFile(program, join(directory, `busybox-${architecture}`));
  }
  await writeFile(join(directory, "Dockerfile"), dockerfile.join("\n"));
  return directory;
}

export interface SolveOptions {
  readonly context: string;
  readonly platform: string;
  /** By digest into this repository; "NAME:TAG" by tag; a directory's absolute path for a layout. */
  readonly to: string;
  /** "attest:provenance=mode=min"; with it BuildKit makes an index. */
  readonly attest?: boolean;
  readonly registry: Registry;
}

let solves = 0;

/** Builds one platform with a real BuildKit, as the engine's backends do. */
export async function solve(
  node: Buildkitd,
  { context, platform, to, attest = false, registry }: SolveOptions,
): Promise<PlatformBuilt> {
  solves += 1;
  const metadata = join(context, `../metadata-${solves}.json`);
  const layout = to.startsWith("/");
  const tagged = !layout && /:[^/]*$/.test(to.replace(registry.host, ""));
  const byDigest = tagged ? "" : "push-by-digest=true,name-canonical=true,";
  const output = layout ? `type=oci,tar=false,dest=${to}` : `type=image,name=${to},${byDigest}push=true`;
  await node.buildctl(
    [
      "build",
      "--frontend=dockerfile.v0",
      `--local=context=${context}`,
      `--local=dockerfile=${context}`,
      `--opt=platform=${platform}`,
      `--output=${output}`,
      `--metadata-file=${metadata}`,
      ...(attest ? ["--opt=attest:provenance=mode=min"] : []),
    ],
    { env: registry.env },
  );
  const facts = JSON.parse(await readFile(metadata, "utf8")) as Record<string, Descriptor>;
  const descriptor = facts["containerimage.descriptor"];
  if (descriptor === undefined) throw new Error("BuildKit names no descriptor");
  const { registry: host, repository } = parseReference(layout ? "unused" : to);
  const store = layout
    ? new LayoutStore(to)
    : new RegistryStore(new RegistryClient().repository(host, repository));
  return {
    ok: true,
    platform: parsePlatform(platform),
    optional: false,
    attempts: [{ node: node.address, placement: "cross", durationMs: 5 }],
    durationMs: 5,
    result: { store, descriptor },
    node: node.address,
    placement: "cross",
  };
}

export function failed(platform: string, optional = false): PlatformFailed {
  const code = "BUILDER_LOST";
  return {
    ok: false,
    platform: parsePlatform(platform),
    optional,
    attempts: [
      { node: "ssh://arm", placement: "native", durationMs: 7, failure: { code, message: "It went away." } },
    ],
    durationMs: 7,
    error: new AnyarchError(code, `The builder ssh://arm of ${platform} went away.`, { hint: "Look there." }),
    diagnoses: [],
  };
}

export function makeRequest(options: BuildOptions, ctx: Context): DockerfileRequest {
  const { cwd, env } = ctx.host;
  return parseDockerfileRequest(options, undefined, { cwd, env, arch: "x64", now: ctx.host.now() });
}

/** A plan that says what the request says. */
export function planFor(request: DockerfileRequest): DockerfilePlan {
  return {
    schema: "anyarch.plan/v1",
    engine: "buildkit",
    dockerfile: request.dockerfile,
    context: request.context,
    backend: { name: "buildctl", version: "0" },
    nodes: [],
    platforms: request.platforms.map(({ platform, optional }) => ({
      platform: formatPlatform(platform),
      optional,
      candidates: [],
    })),
    omitted: [],
    tags: request.tags.map(familiarReference),
    push: request.push,
    outputs: request.outputs,
    hazards: [],
  };
}
