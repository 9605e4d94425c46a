import { posix } from "node:path";
import { type Install, installOf } from "../../dockerfile/installs.ts";
import type { CopyEdge, DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { copiesFrom, reachesImage, takes } from "../../dockerfile/shipped.ts";
import { type Use, usesOf } from "../../dockerfile/uses.ts";
import { workdirOf } from "../../dockerfile/workdir.ts";

export const rule: DockerfileRule = {
  id: "buildplatform-native-deps-copied",
  severity: "warning",
  title: "Dependencies installed on the build platform are copied into the image",
  why: "Wheels, gems and node_modules may hold compiled parts: those of the build machine fail to load on the target.",
  fix: "Install run-time dependencies in a target-platform stage, and copy over only output that is free of architecture.",
  bad: [
    "FROM --platform=$BUILDPLATFORM node:20 AS build\nWORKDIR /app\nRUN npm ci\nFROM node:20-slim\nCOPY --from=build /app/node_modules /app/node_modules\n",
    "FROM --platform=$BUILDPLATFORM python:3.12 AS build\nRUN python -m venv /venv && /venv/bin/pip install -r requirements.txt\nFROM python:3.12-slim\nCOPY --from=build /venv /venv\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM node:20 AS build\nWORKDIR /app\nRUN npm ci && npm run build\nFROM nginx:1.27\nCOPY --from=build /app/dist /usr/share/nginx/html\n",
    "FROM python:3.12 AS build\nRUN python -m venv /venv && /venv/bin/pip install -r requirements.txt\nFROM python:3.12-slim\nCOPY --from=build /venv /venv\n",
  ],
  mentions: /BUILD(?:ARCH|PLATFORM|OS)/,
  check(model, report) {
    for (const use of usesOf(model)) {
      if (use.facts.follows !== "build") continue;
      const install = installOf(use, workdirOf(use));
      if (install === undefined || install.forTarget) continue;
      const edge = copiesFrom(model, use.facts.index).find((each) => takesAlong(model, use, install, each));
      if (edge === undefined) continue;
      report({
        line: edge.instruction.line,
        severity: installsOffline(model, edge) ? "error" : "warning",
        message: `What ${install.tool} installed for the build machine (line ${use.line}) is copied into the image.`,
      });
    }
  },
};

/** Whether a COPY into a stage of the target, one that reaches an image, takes the installed directory. */
function takesAlong(model: DockerfileModel, use: Use, install: Install, edge: CopyEdge): boolean {
  const facts = model.stages[edge.to];
  if (facts === undefined || facts.follows === "build" || !reachesImage(model, edge.to)) return false;
  const workdir = workdirOf(use);
  return edge.sources.some((source) => {
    const from = posix.resolve("/", source.replaceAll(/["']/g, "").replace(/\/?\*+$/, ""));
    if (install.directory === "/usr/local/lib")
      return /^\/usr(?:\/local(?:\/lib(?:\/python[\d.]+(?:\/site-packages)?)?)?)?$|site-packages|dist-packages/.test(
        from,
      );
    const excluded = edge.instruction.flags.some(
      ({ name, value }) => name === "exclude" && /node_modules|venv/.test(value ?? ""),
    );
    return (
      !excluded &&
      takes(from, install.directory) &&
      (from.startsWith(install.directory) || install.directory.startsWith(from)) &&
      from.length + 1 >= Math.min(workdir.length, install.directory.length)
    );
  });
}

/** `pip install --no-index`: the copied wheels are all there is. */
function installsOffline(model: DockerfileModel, edge: CopyEdge): boolean {
  return usesOf(model).some(
    ({ facts, args }) =>
      facts.index === edge.to && (args.includes("--no-index") || args.includes("--offline")),
  );
}
