import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "driver-does-not-support-multi-platform",
  title: "The docker driver with the classic image store builds one platform only",
  architecture: true,
  patterns: [
    {
      line: /Multi-platform build is not supported for the docker driver|multiple platforms feature is (?:currently )?not supported for docker driver|multi-?platform (?:builds? |images? )?(?:is |are )?not supported/i,
      score: 97,
    },
    { line: /docker driver .{0,60}(?:multiple platforms|multi-platform)/i, score: 84 },
  ],
  above: ["builder-lacks-platform", "generic-user-error"],
  why: "The default builder is the one inside the Docker daemon. With Docker's classic image store it can't hold an image of several platforms, so it refuses. That is a matter of the store: with the containerd image store the same driver can.",
  fixes: [
    {
      title: "Use a builder of its own",
      detail:
        "docker buildx create --name multi --driver docker-container --use && docker buildx inspect --bootstrap\nOn GitHub: docker/setup-buildx-action before the build.",
    },
    {
      title: "Or switch the containerd image store on",
      detail:
        'Docker Desktop: Settings, General. Docker Engine: {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json (new installations of Docker 29 have it); restart the daemon.',
    },
    {
      title: "Or build each platform by itself",
      detail:
        "One --platform a build, then docker buildx imagetools create (or anyarch index create) makes one index.",
    },
  ],
  references: [
    "https://docs.docker.com/build/building/multi-platform.md",
    "https://github.com/p2-inc/phasetwo-containers/issues/11",
  ],
  bad: [
    "ERROR: Multi-platform build is not supported for the docker driver.\nSwitch to a different driver, or turn on the containerd image store, and try again.",
  ],
  good: ["ERROR: Cache export is not supported for the docker driver."],
};
