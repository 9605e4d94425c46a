import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "js-heap-out-of-memory",
  title: "Node.js reached V8's own heap limit",
  architecture: false,
  patterns: [
    {
      line: /JavaScript heap out of memory|Reached heap limit|Ineffective mark-compacts near heap limit|Allocation failed - |ERR_WORKER_OUT_OF_MEMORY|invalid array length Allocation failed/i,
      score: 96,
    },
  ],
  above: ["out-of-memory-native", "qemu-sigabrt-signal-6", "generic-user-error", "qemu-hang-or-timeout"],
  why: "V8 limits its heap (2 to 4 GB, less on small machines), whatever memory the machine has; a bundler with many modules goes beyond it and aborts (exit code 134). The CPU has no part in it.",
  fixes: [
    {
      title: "Raise the limit",
      detail:
        "ENV NODE_OPTIONS=--max-old-space-size=4096 in the build stage (in MB; less than the machine has).",
    },
    {
      title: "Build static files once, on the build platform",
      detail:
        "FROM --platform=$BUILDPLATFORM node:22 AS build: JavaScript is the same for all CPUs, so it is built once and natively.",
    },
    {
      title: "Need less",
      detail: "Source maps off (GENERATE_SOURCEMAP=false), type checks in a step of their own.",
    },
  ],
  references: [],
  bad: [
    "#14 180.2 FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n#14 180.3 Aborted (core dumped)",
  ],
  good: ["#15 301.2 c++: fatal error: Killed signal terminated program cc1plus"],
};
