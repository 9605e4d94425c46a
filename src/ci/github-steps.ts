import { buildkitImage, builderName, qemuImage } from "./images.ts";
import { type CiPlan, inMatrix } from "./plan.ts";
import {
  archScript,
  buildCommand,
  builderScript,
  installScript,
  summaryScript,
  testScript,
} from "./scripts.ts";

export type Step = Readonly<Record<string, unknown>>;

export const uses = {
  checkout: "actions/checkout@v7.0.1",
  node: "actions/setup-node@v6",
  login: "docker/login-action@v4.6.0",
  qemu: "docker/setup-qemu-action@v4.2.0",
  buildx: "docker/setup-buildx-action@v4.3.0",
  upload: "actions/upload-artifact@v7.0.1",
} as const;

export const metadata = "${{ runner.temp }}/metadata.json";

export function toolSteps(): readonly Step[] {
  return [
    { uses: uses.checkout, with: { "persist-credentials": false } },
    { uses: uses.node, with: { "node-version": 22 } },
    { name: "Install anyarch", run: installScript },
  ];
}

export const archOutputs = `${archScript}
{
  echo "arch=$arch"
  echo "repository=$repository"
  echo "image=$repository:\${tag##*:}-$arch"
} >> "$GITHUB_OUTPUT"`;

export function buildStep(plan: CiPlan): Step {
  return {
    name: "Build and push the platform",
    id: "build",
    env: {
      IMAGE: "${{ steps.arch.outputs.image }}",
      REPOSITORY: "${{ steps.arch.outputs.repository }}",
      METADATA: metadata,
      DIGEST_FILE: "${{ runner.temp }}/digest",
    },
    run: `${buildCommand(plan)} --platform "$PLATFORM" --tag "$IMAGE" --push --metadata-file "$METADATA" --iidfile "$DIGEST_FILE"
digest="$(cat "$DIGEST_FILE")"
{
  echo "digest=$digest"
  echo "image=$REPOSITORY@$digest"
} >> "$GITHUB_OUTPUT"`,
  };
}

export function testSteps(plan: CiPlan, env: Readonly<Record<string, string>>): readonly Step[] {
  return plan.test ? [{ name: "Test the image on the platform", env, run: testScript(plan) }] : [];
}

export function summaryStep(title: string, path = metadata): Step {
  return { name: "Summarise", if: "always()", env: { TITLE: title, METADATA: path }, run: summaryScript };
}

/** The workflow's own token goes to GitHub's registry only; for others there have to be secrets. */
export function loginSteps(plan: CiPlan): readonly Step[] {
  const { registry, dockerfile } = plan;
  if (registry === "ghcr.io" && dockerfile === undefined) return [];
  const account =
    registry === "ghcr.io"
      ? { username: "${{ github.actor }}", password: "${{ secrets.GITHUB_TOKEN }}" }
      : { username: "${{ secrets.REGISTRY_USERNAME }}", password: "${{ secrets.REGISTRY_PASSWORD }}" };
  return [{ name: `Log in to ${registry}`, uses: uses.login, with: { registry, ...account } }];
}

/** Emulators run the programs of a Dockerfile's steps, and those of a test. */
export function emulatorSteps(plan: CiPlan): readonly Step[] {
  const emulated = plan.rows.filter((row) => row.emulated);
  if (emulated.length === 0 || (plan.dockerfile === undefined && !plan.test)) return [];
  const several = inMatrix(plan);
  return [
    {
      name: "Set up QEMU",
      ...(several && { if: "matrix.emulated" }),
      uses: uses.qemu,
      with: {
        image: qemuImage,
        reset: true,
        platforms: several ? "${{ matrix.platform }}" : emulated.map(({ platform }) => platform).join(","),
      },
    },
  ];
}

/** docker's own builder has only its machine's platform: another one is made, by its name, and looked at. */
export function builderSteps(plan: CiPlan, env: Readonly<Record<string, string>>): readonly Step[] {
  if (!plan.ownBuilder) return [];
  return [
    {
      name: "Set up Buildx",
      uses: uses.buildx,
      with: {
        name: builderName,
        driver: "docker-container",
        "driver-opts": `image=${buildkitImage}\nnetwork=host`,
      },
    },
    { name: "Verify the builder's platforms", env, run: builderScript("github") },
  ];
}
