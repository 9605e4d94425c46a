import type { Check, Examination, Fix } from "../check.ts";
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
    const { desktop } = await x.fact(docker);
    return {
      status: usable.length > 0 ? "warn" : "fail",
      found: found === undefined ? "docker is there, buildx isn't" : `buildx ${found.version} is too old`,
      ...(desktop === undefined
        ? { fix: await installBuildx(x) }
        : { why: `${check.why} ${desktop} brings it: update that.` }),
    };
  },
};

/** Only apt says for sure, and without asking the network, whether it has the package. */
async function installBuildx(x: Examination): Promise<Fix> {
  const { os, uid } = await x.fact(machine);
  const apt = await said(x.probe, "apt-cache", ["--names-only", "search", "^docker-buildx(-plugin)?$"]);
  const name = /^docker-buildx\S*/m.exec(apt ?? "")?.[0];
  const common = {
    key: "install-buildx",
    title: "install the plugin",
    why: "docker finds plugins in ~/.docker/cli-plugins and /usr/libexec/docker/cli-plugins and offers them as its own commands.",
    automatic: name !== undefined,
    order: 5,
  };
  if (os === "darwin")
    return { ...common, commands: ["brew install docker-buildx"], undo: ["brew uninstall docker-buildx"] };
  const plugin = name ?? "docker-buildx-plugin";
  const isDnf = apt === undefined && (await x.probe.run("dnf", ["--version"]))?.code === 0;
  const [install, remove] = isDnf
    ? [`dnf install -y ${plugin}`, `dnf remove -y ${plugin}`]
    : [`apt-get update && apt-get install -y ${plugin}`, `apt-get remove -y ${plugin}`];
  return { ...common, commands: [asRoot(install, uid)], undo: [asRoot(remove, uid)] };
}
