import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "npm-ci-under-emulation",
  severity: "info",
  title: "npm, yarn or pnpm runs on the target's platform",
  why: "Where the builder has another CPU, Node runs under QEMU: slow, and some versions crash.",
  fix: "Bundle on $BUILDPLATFORM; keep only run-time dependencies with native parts on the target.",
  bad: ["FROM node:20\nRUN npm ci && npm run build\n"],
  good: [
    "FROM --platform=$BUILDPLATFORM node:20 AS web\nRUN npm ci && npm run build\nFROM nginx:1.27\nCOPY --from=web /dist /usr/share/nginx/html\n",
  ],
  mentions: /npm|yarn/,
  check(model, report) {
    for (const { program, args, facts, line } of usesOf(model)) {
      if (facts.follows !== "target" || !/^(?:npm|yarn|pnpm)$/.test(program)) continue;
      if (!/^(?:ci|install|i|run|build|)$/.test(args[0] ?? "")) continue;
      report({ line, message: `${program} runs emulated where the builder has another CPU.` });
    }
  },
};
