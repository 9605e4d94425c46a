import type { Check, Finding, Fix } from "../check.ts";
import { buildNodes } from "../facts/build-nodes.ts";
import { docker, type Docker } from "../facts/docker.ts";
import { machine } from "../facts/machine.ts";
import { said, shellWord } from "../probe.ts";

export const check: Check = {
  id: "docker-server",
  title: "The Docker daemon can be used",
  group: "docker",
  expected: "a daemon that answers this user",
  why: "The docker command does nothing by itself; it asks the daemon behind its socket.",
  measured: "docker version; what it says tells a missing socket from one that this user may not open",
  async examine(x) {
    const found = await x.fact(docker);
    const { client, server, failure, endpoint } = found;
    if (client === undefined) return { status: "skip", found: "docker isn't installed" };
    if (server !== undefined) return { status: "ok", found: `Docker ${server.version} at ${endpoint}` };
    const status = (await x.fact(buildNodes)).usable.length > 0 ? "warn" : "fail";
    const other = reachable(found);
    const { container, uid } = await x.fact(machine);
    switch (failure?.kind) {
      case "permission": {
        const user = (await said(x.probe, "id", ["-un"])) ?? "USER";
        return {
          status,
          found: `this user may not open ${endpoint}`,
          why: `${check.why} Whoever may use the socket is root on the machine: only its group opens it. Rootless Docker needs no group.`,
          fix: joinGroup(user, uid),
        };
      }
      case "missing":
        if (container !== undefined)
          return {
            status,
            found: `${endpoint} isn't in this container`,
            why: `${check.why} A container sees the host's daemon only when it is given its socket.`,
            fix: mountSocket(),
          };
        return { status, found: `there is no socket at ${endpoint}`, ...start(other) };
      default:
        return { status, found: failure?.said.split("\n")[0] ?? "it doesn't answer", ...start(other) };
    }
  },
};

/** Another context, whose daemon may be up. */
function reachable({ contexts }: Docker): string | undefined {
  return contexts.find(({ current, name }) => !current && name !== "default")?.name;
}

function start(other: string | undefined): Pick<Finding, "why" | "fix"> {
  const fix: Fix = {
    key: "start-docker",
    title: other === undefined ? "start Docker" : `start Docker, or use the context ${other}`,
    why: "The socket is there while the daemon runs.",
    commands:
      other === undefined
        ? ["sudo systemctl start docker"]
        : [`docker --context ${shellWord(other)} version`, `export DOCKER_CONTEXT=${shellWord(other)}`],
    undo: other === undefined ? ["sudo systemctl stop docker docker.socket"] : ["unset DOCKER_CONTEXT"],
    automatic: false,
    order: 5,
  };
  return { fix };
}

function joinGroup(user: string, uid: number | undefined): Fix {
  const sudo = uid === 0 ? "" : "sudo ";
  return {
    key: "join-docker-group",
    title: "become a member of the group that owns the socket",
    why: "The socket is open to its group. Never open it to everybody: each user and program of the machine would be root then.",
    commands: [`${sudo}usermod -aG docker ${shellWord(user)}`, "newgrp docker"],
    undo: [`${sudo}gpasswd -d ${shellWord(user)} docker`],
    automatic: false,
    order: 5,
  };
}

function mountSocket(): Fix {
  return {
    key: "mount-socket",
    title: "start this container with the socket",
    why: "The daemon of the host then builds; its containers are siblings of this one, and its paths are the host's.",
    commands: ["docker run -v /var/run/docker.sock:/var/run/docker.sock …"],
    undo: [],
    automatic: false,
    order: 5,
  };
}
