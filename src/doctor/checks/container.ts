import { environmentMode } from "../../buildkit/environment.ts";
import type { Check } from "../check.ts";
import { docker } from "../facts/docker.ts";
import { machine } from "../facts/machine.ts";

export const check: Check = {
  id: "container",
  title: "Where this runs",
  group: "machine",
  expected: "the machine itself, or a container that may reach a builder",
  why: "In a container the daemon is another one's: paths that are mounted are the host's, and the table of interpreters is shared with it.",
  measured:
    "/.dockerenv, /run/.containerenv, /proc/1/cgroup, /proc/self/uid_map, the docker socket, /proc/version (WSL)",
  async examine(x) {
    const { container, userNamespace, wsl, os, kernel, machine: cpu, cpu: model } = await x.fact(machine);
    const { server, info } = await x.fact(docker);
    const mode = environmentMode({
      inContainer: container !== undefined,
      hasSocket: server !== undefined,
      rootless:
        userNamespace || info?.SecurityOptions?.some((option) => option.includes("rootless")) === true,
    });
    const what = `${os} ${cpu}, kernel ${kernel}${model === "" ? "" : `, ${model}`}`;
    const kind = container === undefined ? "" : ` (${container})`;
    if (wsl === "1")
      return {
        status: "warn",
        found: `${what}, WSL 1`,
        why: "WSL 1 has no Linux kernel: neither Docker nor binfmt_misc work there. wsl --set-version DISTRO 2 converts it.",
      };
    return {
      status: "ok",
      found: `${mode.text.replace(/\.$/, "")}${kind}; ${what}${wsl === "2" ? ", WSL 2" : ""}`,
    };
  },
};
