import type { Check } from "../check.ts";
import { buildNodes } from "../facts/build-nodes.ts";
import { docker } from "../facts/docker.ts";

export const check: Check = {
  id: "docker-client",
  title: "The docker command",
  group: "docker",
  expected: "docker, for Dockerfiles; anyarch's own assembling needs none",
  why: "Dockerfiles are built by BuildKit, which is reached through docker's buildx, or through buildctl.",
  measured: "docker version, docker --version",
  async examine(x) {
    const { client, podman } = await x.fact(docker);
    if (podman)
      return {
        status: "warn",
        found: "docker is podman's stand-in here",
        why: "podman builds with Buildah and not with BuildKit: it knows neither buildx nor its builders. Name a BuildKit: --builder podman-container://NAME or unix:///PATH.",
      };
    if (client !== undefined) return { status: "ok", found: `docker ${client}` };
    const { usable } = await x.fact(buildNodes);
    if (usable.length > 0) return { status: "ok", found: `no docker; ${usable[0]?.name ?? ""} builds` };
    return {
      status: "fail",
      found: "docker isn't installed, and no other BuildKit answers",
      why: `${check.why} Install Docker Engine with its buildx plugin, or name a builder: --builder ssh://USER@HOST.`,
    };
  },
};
