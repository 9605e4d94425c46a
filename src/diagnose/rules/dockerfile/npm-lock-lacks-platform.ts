import { copiedFile } from "../../dockerfile/copied-files.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, type Use, usesOf } from "../../dockerfile/uses.ts";
import { lacking, platformPackages } from "../../files/npm-lock.ts";

const esbuild = (platforms: readonly string[]): string =>
  JSON.stringify({
    lockfileVersion: 3,
    packages: {
      "node_modules/esbuild": {
        version: "0.25.0",
        optionalDependencies: {
          "@esbuild/darwin-arm64": "0.25.0",
          "@esbuild/linux-arm64": "0.25.0",
          "@esbuild/linux-x64": "0.25.0",
        },
      },
      ...Object.fromEntries(
        platforms.map((name) => [`node_modules/@esbuild/${name}`, { version: "0.25.0", optional: true }]),
      ),
    },
  });

export const rule: DockerfileRule = {
  id: "npm-lock-lacks-platform",
  severity: "error",
  title: "package-lock.json lacks the target's packages",
  why: "Packages with native parts (esbuild, rollup, swc, sharp …) bring one optional package for each platform. A lock file that npm wrote with node_modules of one platform beside it may list that platform's only (npm issue 4828): npm ci then installs none on the others, and the program fails with `Cannot find module @…/linux-arm64`.",
  fix: "Remove node_modules and package-lock.json, run `npm install` with a current npm, and commit the lock file.",
  bad: [
    {
      Dockerfile:
        "FROM node:22-slim\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n",
      "package.json": "{}",
      "package-lock.json": esbuild(["linux-x64"]),
    },
    {
      Dockerfile:
        "FROM node:22-slim AS build\nCOPY . .\nRUN npm ci && npm run build\nFROM nginx\nCOPY --from=build /dist /srv\n",
      "package-lock.json": esbuild(["darwin-arm64"]),
    },
  ],
  good: [
    {
      Dockerfile: "FROM node:22-slim\nCOPY package*.json ./\nRUN npm ci\n",
      "package.json": "{}",
      "package-lock.json": esbuild(["darwin-arm64", "linux-arm64", "linux-x64"]),
    },
    {
      Dockerfile:
        "FROM --platform=$BUILDPLATFORM node:22-slim AS build\nCOPY . .\nRUN echo built\nFROM node:22-slim\nCOPY --from=build /dist /srv\n",
      "package-lock.json": esbuild(["linux-x64"]),
    },
    {
      Dockerfile: "FROM node:22-slim\nCOPY package.json ./\nRUN npm install\n",
      "package.json": "{}",
      "package-lock.json": esbuild(["linux-x64"]),
    },
  ],
  references: ["https://github.com/npm/cli/issues/4828"],
  check(model, report) {
    const { files } = model;
    if (files === undefined) return;
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || use.facts.follows !== "target" || !installsByLock(use)) continue;
      const path =
        copiedFile(use, "npm-shrinkwrap.json", files) ?? copiedFile(use, "package-lock.json", files);
      const groups = path === undefined ? [] : platformPackages(files, path);
      const musl = /alpine|musl/.test(use.stage.base);
      for (const group of groups) {
        const missing = lacking(group, use.stage.platform, musl);
        if (missing === undefined) continue;
        const { architecture } = use.stage.platform;
        report({
          line: use.line,
          ...(missing.kind === "not offered" && {
            severity: "info" as const,
            fix: "Choose another package or version there, compile it in the image, or leave the platform out.",
          }),
          message:
            missing.kind === "not locked"
              ? `${path} has ${group.name}, but not its ${missing.names.join(", ")}.`
              : `${group.name} ${group.version} offers nothing for this platform.`,
          architectures: [architecture],
        });
        if (missing.kind === "not locked") break;
      }
    }
  },
};

/** `npm ci`, and `npm install` of nothing in particular. */
function installsByLock({ program, args }: Use): boolean {
  if (
    program !== "npm" ||
    args.some((word) => /^(?:-g|--global|--no-package-lock|--(?:os|cpu)\b.*)$/.test(word))
  )
    return false;
  const [verb = "", ...named] = args.filter((word) => !word.startsWith("-"));
  return /^(?:ci|clean-install)$/.test(verb) || (/^(?:install|i)$/.test(verb) && named.length === 0);
}
