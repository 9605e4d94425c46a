import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CiOptions } from "../ci/options.ts";
import type { CiRow } from "../ci/plan.ts";
import { configFor, type ApiSettings, withContext } from "./settings.ts";

/** A workflow's text and where it belongs; plain JSON. */
export interface CiWorkflow {
  readonly schema: "anyarch.ci/v1";
  readonly service: CiOptions["service"];
  /** Absolute: where the service looks for it in the repository of the working directory. */
  readonly path: string;
  /** Its first line, by which a file is known to be one of ours. */
  readonly marker: string;
  readonly text: string;
  readonly platforms: readonly Pick<CiRow, "platform" | "runner" | "emulated" | "optional" | "selfHosted">[];
}

/**
 * Writes a workflow that builds, tests and publishes an image for several platforms, for GitHub Actions or GitLab CI.
 * Writes no file. Throws USAGE, PLATFORM_INVALID, REFERENCE_INVALID, INPUT_UNREADABLE and those of the configuration.
 */
export function ciWorkflow(options: CiOptions, settings: ApiSettings = {}): Promise<CiWorkflow> {
  return withContext(settings, async ({ host }) => {
    const { planCi, repositoryRoot } = await import("../ci/plan-ci.ts");
    const { marker } = await import("../ci/requirements.ts");
    const { cwd } = host;
    const config = await configFor(settings, resolve(cwd, options.context ?? "."), cwd);
    const root = repositoryRoot(cwd);
    const environment = { cwd, arch: process.arch, env: host.env, now: new Date() };
    const plan = planCi({ version: ownVersion(), ...options }, config, environment, root);
    const isGithub = options.service === "github";
    const text = isGithub
      ? (await import("../ci/github.ts")).githubWorkflow(plan)
      : (await import("../ci/gitlab.ts")).gitlabPipeline(plan);
    return {
      schema: "anyarch.ci/v1",
      service: options.service,
      path: join(root, isGithub ? ".github/workflows/anyarch.yml" : ".gitlab-ci.yml"),
      marker,
      text,
      platforms: plan.rows.map(({ key: _key, ...row }) => row),
    };
  });
}

function ownVersion(): string {
  const text = readFileSync(`${import.meta.dirname}/../../package.json`, "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
