import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "buildkit-node-lost",
  title: "The connection to the builder (buildkitd) broke during the build",
  architecture: false,
  patterns: [
    {
      line: /^(?!.{0,400}(?:http2: |https?:\/\/(?!docker|localhost)))(?:.{0,400}?)(?:error reading from server: (?:EOF|\S+ tcp|connection|read)|closing transport due to|transport is closing|connection error: desc|graceful_stop|server preface|client connection is (?:closing|lost)|failed to receive status: rpc error|code = Unavailable|received prior goaway|GOAWAY)/i,
      nearNot:
        /registry(?!-1\.docker\.io$)|cache service|actions\/cache|toomanyrequests|oauth|lookup \S+ on|no such host/i,
      score: 80,
    },
    { line: /buildkitd?\b.{0,80}OOMKilled|OOMKilled.{0,80}buildkit/, score: 84 },
    {
      line: /failed to list workers|listing workers for Build|no such job \w+|buildkitd.{0,40}(?:not running|exited|crashed|stopped)|buildkit daemon .{0,60}(?:not|fail)|container \S*buildx_buildkit\S* .{0,60}(?:not running|exited|is not)|buildx_buildkit.{0,80}(?:No such container|is not running)/i,
      score: 82,
    },
    {
      line: /session healthcheck failed|no active session(?: for| \w)|keepalive ping failed/i,
      score: 72,
      confidence: "likely",
    },
    {
      line: /(?:Cannot connect to|error during connect|failed to dial|could not (?:connect|connect to)).{0,60}(?:Docker daemon|buildkit|docker API)|Is the docker daemon running/i,
      nearNot: /ssh|certificate/i,
      score: 76,
    },
    {
      line: /dial unix .{0,60}(?:buildkit|docker)\S*\.sock|dial tcp .{0,60}:(?:1234|237[56]).{0,40}(?:refused|timeout)/,
      score: 80,
    },
  ],
  above: ["network-transient", "generic-user-error", "cache-export-failed"],
  why: "The client lost the daemon that builds: it was restarted, crashed, was killed for memory, or its machine went away (spot instance, scaled-down pod).",
  fixes: [
    {
      title: "Look at the builder's end",
      detail:
        "docker logs buildx_buildkit_NAME0 (or kubectl logs); docker inspect -f '{{.State.OOMKilled}}'; dmesg | grep -i oom. Several emulated platforms at once need much memory.",
    },
    {
      title: "Restart it and run again",
      detail:
        "docker buildx inspect --bootstrap NAME; if it doesn't come up: docker buildx rm NAME and create it anew. The cache of a kept volume is still there.",
    },
  ],
  references: ["https://github.com/docker/buildx/issues/2789"],
  bad: [
    'Warning: BackOff restarting failed container buildkitd (OOMKilled)\nerror: failed to get status: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 192.0.2.3:1234: connect: connection refused"',
    "ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF",
    "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
  ],
  good: [
    '#7 9.0 go: example.com/lib@v1.0.1: Get "https://proxy.example.com/lib.mod": http2: server sent GOAWAY and closed the connection',
    "curl: (7) Failed to connect to example.com port 443: Connection refused",
  ],
};
