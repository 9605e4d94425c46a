import type { Check } from "../check.ts";
import { builders } from "../facts/builders.ts";
import { docker } from "../facts/docker.ts";

const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] as const;

export const check: Check = {
  id: "proxy",
  title: "Proxies",
  group: "network",
  expected: "where this user has a proxy, the daemon and its builders have it too",
  why: "Each program goes through its own proxy: the daemon pulls by its service's, RUN steps by build arguments, a builder's container by driver options (env.HTTPS_PROXY). One that lacks it waits for ever.",
  measured: "HTTP_PROXY and HTTPS_PROXY, docker info (HttpProxy, HttpsProxy)",
  async examine(x) {
    const own = names.map((name) => x.probe.env(name)).find(Boolean);
    const { server, info } = await x.fact(docker);
    const daemon = info?.HttpsProxy || info?.HttpProxy;
    const shown = (url: string): string => url.replace(/\/\/[^@/]*@/, "//…@");
    if (!own) return { status: "ok", found: daemon ? `Docker uses ${shown(daemon)}` : "none" };
    const found = `${shown(own)} here`;
    if (server === undefined) return { status: "ok", found };
    const containers = ((await x.fact(builders)) ?? [])
      .filter(({ driver }) => driver === "docker-container")
      .map(({ name }) => name);
    const note =
      containers.length > 0 ? `; see that ${containers.join(", ")} has --driver-opt env.HTTPS_PROXY too` : "";
    if (daemon) return { status: "ok", found: `${found}, ${shown(daemon)} in Docker${note}` };
    return { status: "warn", found: `${found}, none in Docker${note}` };
  },
};
