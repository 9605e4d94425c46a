import type { Check } from "../check.ts";
import { docker } from "../facts/docker.ts";

export const check: Check = {
  id: "docker-context",
  title: "Which Docker is meant",
  group: "docker",
  expected: "DOCKER_HOST and DOCKER_CONTEXT don't contradict the current context",
  why: "DOCKER_HOST wins over every context: with both, commands go to another machine than one thinks.",
  measured: "docker context ls, DOCKER_HOST, DOCKER_CONTEXT",
  async examine(x) {
    const { client, contexts } = await x.fact(docker);
    if (client === undefined) return { status: "skip", found: "docker isn't installed" };
    const [host, context] = [x.probe.env("DOCKER_HOST"), x.probe.env("DOCKER_CONTEXT")];
    const list = contexts
      .map(({ name, endpoint, current }) => `${name}${current ? " (current)" : ""} ${endpoint}`)
      .join(", ");
    if (host && context)
      return { status: "warn", found: `DOCKER_HOST=${host} and DOCKER_CONTEXT=${context} are both set` };
    return { status: "ok", found: list || (host ?? "the usual socket") };
  },
};
