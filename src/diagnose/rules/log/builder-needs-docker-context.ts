import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "builder-needs-docker-context",
  title: "buildx can't make a builder from DOCKER_HOST and TLS variables; it needs a docker context",
  architecture: false,
  patterns: [
    {
      line: /could not create a builder instance with TLS data loaded from environment|docker context create <context-name>/i,
      score: 97,
    },
  ],
  above: ["buildkit-node-lost", "generic-user-error"],
  why: "A builder outlives the shell, so buildx refuses to take certificates that only environment variables name (DOCKER_HOST, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY; Docker-in-Docker in GitLab and CircleCI sets them).",
  fixes: [
    {
      title: "Make a context first",
      detail: "docker context create ci\ndocker buildx create --name multi --use ci",
    },
    {
      title: "Or do without TLS inside the job",
      detail:
        'GitLab: DOCKER_TLS_CERTDIR: "" and DOCKER_HOST: tcp://docker:2375 (the network of the job must be trusted).',
      workaround: true,
    },
  ],
  references: [],
  bad: [
    "ERROR: could not create a builder instance with TLS data loaded from environment. Please use `docker context create <context-name>` to create a context for current environment and then create a builder instance with `docker buildx create <context-name>`",
  ],
  good: ["error: Cannot connect to the Docker daemon at tcp://docker:2376. Is the docker daemon running?"],
};
