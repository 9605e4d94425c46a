import type { Check, Finding, Fix } from "../check.ts";
import { buildNodes } from "../facts/build-nodes.ts";
import { docker, type Docker } from "../facts/docker.ts";
import { type Machine, machine } from "../facts/machine.ts";
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
    const here = await x.fact(machine);
    const { container, uid } = here;
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
        return { status, found: `there is no socket at ${endpoint}`, ...start(found, other, here) };
      default:
        return {
          status,
          found: failure?.said.split("\n")[0] ?? "it doesn't answer",
          ...start(found, other, here),
        };
    }
  },
};

/** Another context, whose daemon may be up. */
function reachable({ contexts }: Docker): string | undefined {
  return contexts.find(({ current, name }) => !current && name !== "default")?.name;
}

function start(
  { endpoint, desktop }: Docker,
  other: string | undefined,
  here: Machine,
): Pick<Finding, "fix"> {
  const elsewhere = /^(?:tcp|https?|ssh):/.test(endpoint);
  const [up, down] = startCommands(desktop, here);
  const title = elsewhere ? `start Docker behind ${endpoint}, or ask the one that is here` : "start Docker";
  const fix: Fix = {
    key: "start-docker",
    title: other === undefined ? title : `${title}, or use the context ${other}`,
    why: elsewhere
      ? "DOCKER_HOST or the context names another machine's daemon, or a port that nothing listens on."
      : "The socket is there while the daemon runs.",
    commands: [
      elsewhere ? "unset DOCKER_HOST" : up,
      ...(other === undefined
        ? []
        : [`docker --context ${shellWord(other)} version`, `export DOCKER_CONTEXT=${shellWord(other)}`]),
    ],
    undo: [elsewhere ? `export DOCKER_HOST=${shellWord(endpoint)}` : down],
    automatic: false,
    order: 5,
  };
  return { fix };
}

/** How Docker is started and ended: by what it came with. */
function startCommands(
  desktop: string | undefined,
  { os, wsl }: Machine,
): readonly [up: string, down: string] {
  if (desktop === "Colima") return ["colima start", "colima stop"];
  if (desktop === "OrbStack") return ["orb start", "orb stop"];
  if (desktop === "Rancher Desktop") return ["rdctl start", "rdctl shutdown"];
  if (os === "darwin") return ["open -a Docker", "osascript -e 'quit app \"Docker\"'"];
  if (wsl !== undefined)
    return [
      "sudo service docker start # or start Docker Desktop in Windows, with this distribution switched on in its settings",
      "sudo service docker stop",
    ];
  return ["sudo systemctl start docker", "sudo systemctl stop docker docker.socket"];
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
