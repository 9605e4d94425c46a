import type { CiPlan } from "./plan.ts";

/** Of the file, so that it is known as ours and may be written anew. */
export const marker = "Made by anyarch ci";

export function headerOf({ service, mode, rows, dockerfile }: CiPlan): string {
  const optional = rows.filter((row) => row.optional).map(({ platform }) => platform);
  return [
    `${marker} ${service} (--mode ${mode}): run it again to change what is built.`,
    ...(optional.length === 0 ? [] : [`Published also where these fail: ${optional.join(", ")}.`]),
    ...(dockerfile === undefined
      ? [
          "Neither Docker nor the application's language is set up to build: anyarch chooses the packages itself.",
        ]
      : []),
    ...(service === "github"
      ? [
          "Actions are named by exact version; Dependabot or Renovate turn them into commits and keep them fresh.",
        ]
      : []),
  ].join("\n");
}

/** What a machine of one's own, or a runner in a container, has to offer; undefined where all are the service's. */
export function ownRunnerComment(plan: CiPlan): string | undefined {
  const own = plan.rows.filter(({ selfHosted }) => selfHosted);
  if (own.length === 0) return undefined;
  const names = own.map(({ platform, runner }) => `${platform} on [${runner.join(", ")}]`);
  const emulates = plan.mode === "qemu" || plan.rows.some(({ emulated }) => emulated);
  const docker = [
    "- Docker 23 or later. A runner that is a container itself needs",
    "  - the Docker socket: -v /var/run/docker.sock:/var/run/docker.sock",
    `  - privileged mode: --privileged${emulates ? " (QEMU is registered in the kernel)" : " (for Docker in Docker, and to register QEMU)"}`,
    "  - cgroups, where BuildKit can't set limits: -v /sys/fs/cgroup:/sys/fs/cgroup:rw",
  ];
  return [
    `Runners of your own: ${names.join("; ")}. They need`,
    "- bash, git, and for Node.js the right to install npm packages globally.",
    ...(plan.dockerfile === undefined && !plan.test ? [] : docker),
    "- ways to the registry and, with a configured [builders], to those machines.",
    "anyarch doctor, run there, examines all of this and says how to repair it.",
  ].join("\n");
}
