import type { Check } from "../check.ts";
import { buildNodes } from "../facts/build-nodes.ts";
import { builders } from "../facts/builders.ts";
import { docker } from "../facts/docker.ts";
import { said, textOf } from "../probe.ts";

export const check: Check = {
  id: "ssh",
  title: "ssh, for builders on other machines",
  group: "network",
  expected:
    "an ssh client here; on a machine that is a builder, buildctl or docker, and room for several sessions",
  why: "Builders named ssh://HOST are reached by the user's own ssh. sshd takes ten sessions and ten logins at a time by default: builds of many steps side by side can exceed that.",
  measured: "ssh -V; on a remote machine buildctl debug workers, docker version, MaxSessions of sshd_config",
  async examine(x) {
    if (!x.probe.local) return onRemote(x);
    const version = (await x.probe.run("ssh", ["-V"]))?.stderr.split(",")[0]?.trim();
    if (version !== undefined) return { status: "ok", found: version };
    const remote = ((await x.fact(builders)) ?? []).filter(({ nodes }) =>
      nodes.some(({ endpoint }) => endpoint.startsWith("ssh:")),
    );
    if (remote.length === 0) return { status: "ok", found: "not installed, and no builder needs it" };
    return {
      status: "fail",
      found: `not installed, and ${remote.map(({ name }) => name).join(", ")} needs it`,
    };
  },
};

async function onRemote(x: Parameters<Check["examine"]>[0]): ReturnType<Check["examine"]> {
  const workers = await said(x.probe, "buildctl", ["debug", "workers"]);
  const { server } = await x.fact(docker);
  const sessions = /^\s*MaxSessions\s+(\d+)/im.exec(await textOf(x.probe, "/etc/ssh/sshd_config"))?.[1];
  const limit = `MaxSessions ${sessions ?? "10 (the default)"}`;
  if (workers !== undefined)
    return { status: "ok", subject: x.probe.name, found: `BuildKit answers there; ${limit}` };
  if (server !== undefined)
    return { status: "ok", subject: x.probe.name, found: `Docker ${server.version} answers there; ${limit}` };
  const { usable } = await x.fact(buildNodes);
  return {
    status: usable.length > 0 ? "warn" : "fail",
    subject: x.probe.name,
    found: "neither buildctl nor docker answers there",
  };
}
