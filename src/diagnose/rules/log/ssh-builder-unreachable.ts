import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "ssh-builder-unreachable",
  title: "A remote builder over ssh doesn't answer, or its host key or login isn't accepted",
  architecture: false,
  patterns: [
    {
      line: /command \[ssh .{0,300}has exited with|commandconn|docker system dial-stdio|http:\/\/docker\.example\.com/i,
      score: 92,
    },
    {
      line: /Host key verification failed|ssh: (?:connect to host|Could not resolve hostname|handshake failed|unable to authenticate)|Permission denied \(publickey|REMOTE HOST IDENTIFICATION HAS CHANGED|kex_exchange_identification|Connection closed by .{0,60} port 22|No ED25519 host key/i,
      near: /buildx|builder|node|docker (?:context|-H)|dial-stdio|error during connect|ssh:\/\/|bootstrap|booting buildkit/i,
      nearNot: /git@|github\.com|gitlab\.com|npm|git clone|fatal: Could not read from remote/i,
      score: 90,
    },
  ],
  above: ["buildkit-node-lost", "dns", "network-transient", "generic-user-error"],
  why: "A node of the builder is a docker host that is reached through ssh. The machine is off, its name or port is wrong, its host key isn't known here, or the key isn't let in.",
  fixes: [
    {
      title: "Try the connection by itself",
      detail:
        "ssh -o BatchMode=yes user@host docker version: it must answer without a question. Then ssh-keyscan host >> ~/.ssh/known_hosts, add the key to the agent, start the machine.",
    },
    {
      title: "Leave the node out",
      detail:
        "docker buildx create --leave --name NAME --node NODE, or docker buildx use another builder; anyarch build --fallback emulate.",
      workaround: true,
    },
  ],
  references: ["https://github.com/basecamp/kamal/issues/427"],
  bad: [
    'ERROR: error during connect: Get "http://docker.example.com/v1.24/info": command [ssh -l build -- arm-host docker system dial-stdio] has exited with exit status 255, please make sure the URL is valid, and Docker 18.09 or later is installed on the remote host: stderr=Host key verification failed.',
  ],
  good: [
    "#8 [build 3/4] RUN git clone git@github.com:example/private.git\n#8 1.0 git@github.com: Permission denied (publickey).\n#8 1.0 fatal: Could not read from remote repository.",
  ],
};
