import { formatPlatform, normalizePlatform, parsePlatform } from "../../oci/platform.ts";
import type { Check } from "../check.ts";
import { docker } from "../facts/docker.ts";
import { machine } from "../facts/machine.ts";

export const check: Check = {
  id: "docker-architecture",
  title: "The architecture of Docker's server and of containers",
  group: "docker",
  expected: "containers of the server's own architecture",
  why: "DOCKER_DEFAULT_PLATFORM makes every container and build another architecture than the machine's, by emulation and several times slower; images built so are for that architecture only.",
  measured: "docker version (.Server.Arch), docker info (.Architecture), DOCKER_DEFAULT_PLATFORM",
  async examine(x) {
    const { server, info } = await x.fact(docker);
    if (server === undefined) return { status: "skip", found: "no Docker answers" };
    const { machine: here, container } = await x.fact(machine);
    const own = formatPlatform(normalizePlatform({ os: server.os, architecture: server.arch }));
    const asked = x.probe.env("DOCKER_DEFAULT_PLATFORM");
    const containers = asked ? formatPlatform(parsePlatform(asked)) : own;
    const inside = container === undefined ? "" : `; this container is ${here}`;
    const found = `server ${own} (kernel ${info?.Architecture ?? "unknown"}), containers ${containers}${inside}`;
    if (containers === own) return { status: "ok", found };
    return {
      status: "warn",
      found,
      fix: {
        key: "unset-default-platform",
        title: "leave the choice to the server",
        why: "Without the variable containers are the server's own architecture, and --platform asks for others where one wants them.",
        commands: ["unset DOCKER_DEFAULT_PLATFORM"],
        undo: [`export DOCKER_DEFAULT_PLATFORM=${containers}`],
        automatic: false,
        order: 5,
      },
    };
  },
};
