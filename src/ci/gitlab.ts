import { askedFor, type CiPlan, type CiRow, inMatrix, requiredOf } from "./plan.ts";
import { buildkitImage, builderName, qemuImage } from "./images.ts";
import { headerOf, ownRunnerComment } from "./requirements.ts";
import {
  archScript,
  buildAllScript,
  buildCommand,
  builderScript,
  checkScript,
  installScript,
  mergeScript,
  testScript,
} from "./scripts.ts";
import { type Comments, yamlText } from "./yaml-text.ts";

type Job = Readonly<Record<string, unknown>>;

const dockerImage = "docker:28.5.2-cli";
const dindImage = "docker:28.5.2-dind";
const amd64Runner = "saas-linux-small-amd64";

/** A pipeline for GitLab CI. */
export function gitlabPipeline(plan: CiPlan): string {
  const several = inMatrix(plan);
  const content = {
    stages: ["check", "build", ...(several ? ["publish"] : [])],
    workflow: { rules: plan.branches.map((name) => ({ if: `$CI_COMMIT_BRANCH == "${name}"` })) },
    variables: variables(plan),
    default: {
      image: dockerImage,
      // bash for the scripts; Node.js, with which anyarch runs.
      before_script: ["apk add --no-cache bash git nodejs npm", installScript, loginScript(plan)],
    },
    check: { stage: "check", tags: [amd64Runner], timeout: "10m", script: [inBash(checkScript(plan))] },
    ...(several ? platformJobs(plan) : { build: singleJob(plan) }),
  };
  const own = ownRunnerComment(plan);
  const comments: Comments = new Map<readonly string[], string>([
    ...(own === undefined ? [] : [[[several ? ".build" : "build"], own] as const]),
    ...(several
      ? [[["publish"], "Runs when every required platform is built; optional ones may fail."] as const]
      : []),
  ]);
  // GitLab reads YAML 1.1.
  return yamlText(content, headerOf(plan), comments, "1.1");
}

/** What is chosen by people: the only way it reaches the scripts, and unexpanded. */
function variables(plan: CiPlan): Readonly<Record<string, unknown>> {
  const { tags, dockerfile, config, rows } = plan;
  return {
    ANYARCH_VERSION: plan.version,
    CONTEXT: literal(plan.context),
    ...(dockerfile !== undefined && { DOCKERFILE: literal(dockerfile) }),
    ...(config !== undefined && { CONFIG: literal(config) }),
    TAGS: tags === undefined ? "$CI_REGISTRY_IMAGE:latest" : tags.join("\n"),
    PLATFORMS: rows.map(({ platform }) => platform).join(" "),
    ...((dockerfile === undefined || !inMatrix(plan)) && { ASKED: askedFor(rows) }),
    ...(plan.ownBuilder && { BUILDER: builderName }),
    ...(usesDocker(plan) && {
      DOCKER_HOST: "tcp://docker:2376",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_TLS_CERTDIR: "/certs",
      DOCKER_CERT_PATH: "/certs/client",
    }),
  };
}

function literal(text: string): unknown {
  return text.includes("$") ? { value: text, expand: false } : text;
}

const usesDocker = ({ dockerfile, test }: CiPlan): boolean => dockerfile !== undefined || test;

/** The runner's shell is that of Alpine; scripts are for bash, end at the first failure, and leave stdin alone. */
function inBash(script: string): string {
  return `bash -eo pipefail /dev/fd/3 3<<'ANYARCH_SCRIPT'\n${script}\nANYARCH_SCRIPT\n`;
}

function loginScript({ registry }: CiPlan): string {
  const [host, user, password] =
    registry === "$CI_REGISTRY"
      ? ["$CI_REGISTRY", "$CI_REGISTRY_USER", "$CI_REGISTRY_PASSWORD"]
      : [registry, "$REGISTRY_USERNAME", "$REGISTRY_PASSWORD"];
  return `printf %s "${password}" | docker login --username "${user}" --password-stdin "${host}"`;
}

/** A job for each platform, for each has its own runner and its own right to fail; their digests go on as variables. */
function platformJobs(plan: CiPlan): Readonly<Record<string, Job>> {
  const { rows } = plan;
  const jobs = rows.map((row) => [`build:${row.key}`, platformJob(row)] as const);
  return {
    ".build": {
      stage: "build",
      ...dind(plan),
      retry: { max: 1, when: ["runner_system_failure", "stuck_or_timeout_failure"] },
      script: [...preparation(plan, '"$PLATFORM"'), inBash(rowScript(plan))],
      artifacts: { when: "always", paths: ["anyarch-metadata.json"], reports: { dotenv: "anyarch.env" } },
    },
    ...Object.fromEntries(jobs),
    publish: {
      stage: "publish",
      tags: [amd64Runner],
      timeout: "20m",
      needs: jobs.map(([job]) => ({ job, artifacts: true })),
      variables: { REQUIRED: requiredOf(rows), RESULT: "$CI_PROJECT_DIR/anyarch-index.json" },
      script: [inBash(mergeScript(plan))],
      artifacts: { paths: ["anyarch-index.json"] },
    },
  };
}

function platformJob({ platform, key, runner, emulated, optional }: CiRow): Job {
  return {
    extends: ".build",
    tags: runner,
    timeout: emulated ? "3h" : "1h",
    ...(optional && { allow_failure: true }),
    variables: { PLATFORM: platform, KEY: key, EMULATED: emulated ? "yes" : "no" },
  };
}

function dind(plan: CiPlan): Job {
  return usesDocker(plan) ? { services: [{ name: dindImage, alias: "docker" }] } : {};
}

/** Emulators and a builder in the job's own daemon; the runner has to be privileged for both. */
function preparation(plan: CiPlan, platforms: string): readonly string[] {
  const emulator = `docker run --privileged --rm ${qemuImage} --install all`;
  const some = plan.rows.some((row) => row.emulated);
  return [
    ...(usesDocker(plan) && some ? [`if [ "$EMULATED" = yes ]; then ${emulator}; fi`] : []),
    ...(plan.ownBuilder
      ? [
          `docker context create ${builderName}`,
          `docker buildx create --name "$BUILDER" --driver docker-container --driver-opt image=${buildkitImage},network=host ${builderName}`,
          `export NEEDED=${platforms}`,
          inBash(builderScript("gitlab")),
        ]
      : []),
  ];
}

function rowScript(plan: CiPlan): string {
  const test = plan.test ? `export IMAGE="$repository@$digest"\n(\n${testScript(plan)}\n)\n` : "";
  return `${archScript}
image="$repository:\${tag##*:}-$arch"
${buildCommand(plan)} --platform "$PLATFORM" --tag "$image" --push --metadata-file anyarch-metadata.json --iidfile anyarch-digest
digest="$(cat anyarch-digest)"
${test}echo "DIGEST_$KEY=$digest" > anyarch.env`;
}

function singleJob(plan: CiPlan): Job {
  const { rows } = plan;
  const test = plan.test
    ? `export IMAGE="$repository@$(cat "$DIGEST_FILE")" PLATFORM=all\n${testScript(plan)}\n`
    : "";
  return {
    stage: "build",
    ...dind(plan),
    tags: rows[0]?.runner ?? [],
    timeout: rows.some(({ emulated }) => emulated) ? "3h" : "1h",
    variables: {
      EMULATED: rows.some(({ emulated }) => emulated) ? "yes" : "no",
      NEEDED: requiredOf(rows),
      METADATA: "anyarch-metadata.json",
      DIGEST_FILE: "anyarch-digest",
    },
    script: [...preparation(plan, '"$NEEDED"'), inBash(`${buildAllScript(plan)}\n${test}`.trimEnd())],
    artifacts: { when: "always", paths: ["anyarch-metadata.json"] },
  };
}
