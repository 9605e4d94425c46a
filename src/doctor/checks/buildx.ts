import type { Check } from "../check.ts";
import { buildNodes } from "../facts/build-nodes.ts";
import { buildx } from "../facts/builders.ts";
import { docker } from "../facts/docker.ts";
import { machine } from "../facts/machine.ts";
import { said } from "../probe.ts";
import { asRoot } from "../fixes/register-qemu.ts";

export const check: Check = {
  id: "buildx",
  title: "docker's buildx plugin",
  group: "docker",
  expected: "buildx 0.15 or newer",
  why: "docker build without buildx knows one platform only; anyarch reads buildx's progress in the form that 0.15 introduced.",
  measured: "docker buildx version, docker-buildx version",
  async examine(x) {
    const { client } = await x.fact(docker);
    const found = await x.fact(buildx);
    if (found?.newEnough === true)
      return { status: "ok", found: `buildx ${found.version} (${found.command.join(" ")})` };
    if (client === undefined && found === undefined)
      return { status: "skip", found: "docker isn't installed" };
    const { usable } = await x.fact(buildNodes);
    const apt = await said(x.probe, "apt-cache", ["--names-only", "search", "^docker-buildx(-plugin)?$"]);
    const name = /^docker-buildx\S*/m.exec(apt ?? "")?.[0];
    const { uid } = await x.fact(machine);
    return {
      status: usable.length > 0 ? "warn" : "fail",
      found: found === undefined ? "docker is there, buildx isn't" : `buildx ${found.version} is too old`,
      fix: {
        key: "install-buildx",
        title: "install the plugin",
        why: "docker finds plugins in ~/.docker/cli-plugins and /usr/libexec/docker/cli-plugins and offers them as its own commands.",
        commands: [asRoot(`apt-get update && apt-get install -y ${name ?? "docker-buildx-plugin"}`, uid)],
        undo: [asRoot(`apt-get remove -y ${name ?? "docker-buildx-plugin"}`, uid)],
        automatic: name !== undefined,
        order: 5,
      },
    };
  },
};
