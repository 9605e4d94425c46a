import {
  archOutputs,
  builderSteps,
  buildStep,
  emulatorSteps,
  loginSteps,
  metadata,
  type Step,
  summaryStep,
  testSteps,
  toolSteps,
  uses,
} from "./github-steps.ts";
import { builderName } from "./images.ts";
import { askedFor, type CiPlan, type CiRow, inMatrix, requiredOf } from "./plan.ts";
import { headerOf, ownRunnerComment } from "./requirements.ts";
import { buildAllScript, checkScript, mergeScript } from "./scripts.ts";
import { type Comments, yamlText } from "./yaml-text.ts";

type Job = Readonly<Record<string, unknown>>;

/** Minutes. A platform that is emulated may take ten times as long; what hangs is ended by anyarch itself before. */
const minutes = { check: 10, native: 60, emulated: 180, merge: 20 } as const;

/** A workflow for GitHub Actions. */
export function githubWorkflow(plan: CiPlan): string {
  const several = inMatrix(plan);
  const jobs: Readonly<Record<string, Job>> = {
    check: checkJob(plan),
    ...(several ? { build: matrixJob(plan), publish: publishJob(plan) } : { build: singleJob(plan) }),
  };
  const content = {
    name: "Container image",
    on: { push: { branches: plan.branches.map(literal) }, workflow_dispatch: {} },
    concurrency: { group: "${{ github.workflow }}-${{ github.ref }}", "cancel-in-progress": true },
    permissions: { contents: "read" },
    defaults: { run: { shell: "bash" } },
    env: environment(plan),
    jobs,
  };
  const own = ownRunnerComment(plan);
  const comments: Comments = new Map<readonly string[], string>([
    ...(own === undefined ? [] : [[["jobs", "build"], own] as const]),
    ...(several ? [[["jobs", "publish"], publishComment] as const] : []),
  ]);
  return yamlText(content, headerOf(plan), comments);
}

const publishComment =
  "Runs when every required platform is built: an optional one's job may fail without failing the workflow.";

/** What is chosen by people: the only way it reaches the scripts. */
function environment(plan: CiPlan): Readonly<Record<string, string>> {
  const { tags, dockerfile, config, rows } = plan;
  return {
    ANYARCH_VERSION: literal(plan.version),
    CONTEXT: literal(plan.context),
    ...(dockerfile !== undefined && { DOCKERFILE: literal(dockerfile) }),
    ...(config !== undefined && { CONFIG: literal(config) }),
    TAGS: tags === undefined ? "ghcr.io/${{ github.repository }}:latest" : tags.map(literal).join("\n"),
    PLATFORMS: rows.map(({ platform }) => platform).join(" "),
    ...((dockerfile === undefined || !inMatrix(plan)) && { ASKED: askedFor(rows) }),
    ...(plan.ownBuilder && { BUILDER: builderName }),
  };
}

/** Text that GitHub must not take for an expression of its own. */
function literal(text: string): string {
  return text.replaceAll("${{", "${{ '${{' }}");
}

function checkJob(plan: CiPlan): Job {
  return {
    "runs-on": "ubuntu-24.04",
    "timeout-minutes": minutes.check,
    steps: [
      ...toolSteps(),
      {
        name: plan.dockerfile === undefined ? "Plan the image of every platform" : "Check the Dockerfile",
        run: checkScript(plan),
      },
    ],
  };
}

/** One job per platform; its digest goes on as an output that bears the platform's name. */
function matrixJob(plan: CiPlan): Job {
  const { rows } = plan;
  const outputs = rows.map(({ key }) => [key, `\${{ steps.done.outputs.${key} }}`] as const);
  return {
    needs: "check",
    name: "build (${{ matrix.platform }})",
    "runs-on": "${{ matrix.runner }}",
    "timeout-minutes": "${{ matrix.minutes }}",
    "continue-on-error": "${{ matrix.optional }}",
    permissions: permissions(plan),
    strategy: { "fail-fast": false, matrix: { include: rows.map(matrixRow) } },
    outputs: Object.fromEntries(outputs),
    env: { PLATFORM: "${{ matrix.platform }}", ...tokenEnvironment(plan) },
    steps: [
      ...toolSteps(),
      ...loginSteps(plan),
      ...emulatorSteps(plan),
      ...builderSteps(plan, { NEEDED: "${{ matrix.platform }}" }),
      { name: "Extract the architecture", id: "arch", run: archOutputs },
      buildStep(plan),
      ...testSteps(plan, { IMAGE: "${{ steps.build.outputs.image }}" }),
      {
        name: "Hand on the digest",
        id: "done",
        env: { KEY: "${{ matrix.key }}", DIGEST: "${{ steps.build.outputs.digest }}" },
        run: 'echo "$KEY=$DIGEST" >> "$GITHUB_OUTPUT"',
      },
      summaryStep("${{ matrix.platform }}"),
      {
        name: "Keep the metadata",
        if: "always()",
        uses: uses.upload,
        with: {
          name: "metadata-${{ matrix.key }}",
          path: metadata,
          "if-no-files-found": "ignore",
          overwrite: true,
        },
      },
    ],
  };
}

function matrixRow(row: CiRow): Step {
  const { platform, key, runner, emulated, optional } = row;
  return {
    platform,
    key,
    runner: runner.length === 1 ? runner[0] : runner,
    emulated,
    optional,
    minutes: emulated ? minutes.emulated : minutes.native,
  };
}

/** Makes the one index. It doesn't run unless every required platform's job has succeeded. */
function publishJob(plan: CiPlan): Job {
  const { rows } = plan;
  const digests = rows.map(({ key }) => [`DIGEST_${key}`, `\${{ needs.build.outputs.${key} }}`] as const);
  const result = "${{ runner.temp }}/index.json";
  return {
    needs: "build",
    "runs-on": "ubuntu-24.04",
    "timeout-minutes": minutes.merge,
    permissions: permissions(plan),
    ...withEnv(tokenEnvironment(plan)),
    steps: [
      ...toolSteps(),
      ...loginSteps(plan),
      {
        name: "Create, verify and show the index",
        env: {
          ...Object.fromEntries(digests),
          REQUIRED: requiredOf(rows),
          RESULT: result,
        },
        run: mergeScript(plan),
      },
      summaryStep("Image", result),
    ],
  };
}

/** All platforms, or the only one, in one job and one builder. */
function singleJob(plan: CiPlan): Job {
  const { rows } = plan;
  const [first] = rows;
  const runner = first?.runner ?? [];
  return {
    needs: "check",
    "runs-on": runner.length === 1 ? runner[0] : runner,
    "timeout-minutes": rows.some(({ emulated }) => emulated) ? minutes.emulated : minutes.native,
    permissions: permissions(plan),
    ...withEnv(tokenEnvironment(plan)),
    steps: [
      ...toolSteps(),
      ...loginSteps(plan),
      ...emulatorSteps(plan),
      ...builderSteps(plan, { NEEDED: requiredOf(rows) }),
      {
        name: "Build and push",
        id: "build",
        env: {
          METADATA: metadata,
          DIGEST_FILE: "${{ runner.temp }}/digest",
        },
        run: `${buildAllScript(plan)}
${repositoryOutput}`,
      },
      ...testSteps(plan, { IMAGE: "${{ steps.build.outputs.image }}", PLATFORM: "all" }),
      summaryStep("Image"),
    ],
  };
}

const repositoryOutput = `echo "image=$repository@$(cat "$DIGEST_FILE")" >> "$GITHUB_OUTPUT"`;

function permissions({ registry }: CiPlan): Readonly<Record<string, string>> {
  return { contents: "read", ...(registry === "ghcr.io" && { packages: "write" }) };
}

function withEnv(env: Readonly<Record<string, string>>): { readonly env?: Readonly<Record<string, string>> } {
  return Object.keys(env).length > 0 ? { env } : {};
}

/** Without a Dockerfile there is no docker to log in: anyarch takes the token itself, for ghcr.io alone. */
function tokenEnvironment({ registry, dockerfile }: CiPlan): Readonly<Record<string, string>> {
  return registry === "ghcr.io" && dockerfile === undefined
    ? { GITHUB_TOKEN: "${{ secrets.GITHUB_TOKEN }}" }
    : {};
}
