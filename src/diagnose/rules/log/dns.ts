import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "dns",
  title: "Names can't be resolved",
  architecture: false,
  patterns: [
    {
      line: /Temporary failure (?:resolving|in name resolution)|Could not resolve(?: host| hostname|:? ['"]|: )|Couldn't resolve host|Name or service not known|Name does not resolve|nodename nor servname|getaddrinfo (?:ENOTFOUND|EAI_AGAIN|fail)|lookup \S{1,200}: (?:no such host|i\/o timeout|server misbehaving|Temporary failure)|lookup \S{1,100} on \S{1,60}: |dial tcp: lookup|bad address '|unable to resolve (?:host )?address|DNS (?:lookup|resolution|: transient)|DNS: transient error|UnknownHostException|dns error|failed to lookup address|temporary error \(try again later\)|no such host/i,
      score: 78,
    },
    { line: /\b(?:EAI_AGAIN|ENOTFOUND|EAI_NONAME)\b/, score: 78 },
  ],
  above: [
    "network-transient",
    "python-no-distribution-for-arch",
    "package-missing-for-arch",
    "registry-auth",
    "node-gyp-toolchain-missing",
    "python-no-wheel-source-build-failed",
    "qemu-hang-or-timeout",
    "generic-user-error",
    "distro-repo-gone",
  ],
  why: "Inside the build there is no working name server: the host's resolver (127.0.0.53, a VPN) isn't reachable from the container, or the network was down.",
  fixes: [
    {
      title: "Give the builder a name server",
      detail:
        '{"dns": ["1.1.1.1"]} in /etc/docker/daemon.json; for a docker-container builder [dns] nameservers in buildkitd.toml, or --driver-opt network=host.',
    },
    {
      title: "Try it by itself",
      detail:
        "docker run --rm busybox nslookup HOST with the name that failed; then run the build again: such failures often pass.",
    },
  ],
  references: [],
  bad: [
    "#6 12.0 W: Failed to fetch http://mirror.example/debian/dists/bookworm/InRelease  Temporary failure resolving 'mirror.example'\n#6 12.0 E: Unable to locate package curl",
  ],
  good: ["curl: (22) The requested URL returned error: 404"],
};
