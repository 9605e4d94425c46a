import { archsOfUrl, downloadsOf, isChromeForArm, ruleOfUrl } from "../../dockerfile/downloads.ts";
import { isInstall } from "../../dockerfile/packages.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, type Use, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "chrome-amd64-only",
  severity: "error",
  title: "Google Chrome is installed, which had no build for Linux on arm64 before version 153",
  why: "Google published Chrome, Chrome for Testing and chromedriver for Linux on amd64 only until version 153 (August 2026): older and unpinned installs fail on arm64, or fetch amd64's file.",
  fix: "Take Chromium from the distribution or from Playwright, install Chrome only where TARGETARCH is amd64, or pin a version from 153 on that has arm64's file.",
  bad: [
    "FROM debian:12\nRUN apt-get update && apt-get install -y google-chrome-stable\n",
    "FROM debian:12\nRUN wget -q https://dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb && apt-get install -y ./google-chrome-stable_current_amd64.deb\n",
    "FROM node:20\nRUN npx playwright install chrome\n",
    "FROM node:20\nRUN npm install -g puppeteer\n",
    "FROM node:22\nRUN npx --yes @puppeteer/browsers install chrome-headless-shell@131.0.6778.85\n",
  ],
  good: [
    "FROM debian:12\nRUN apt-get update && apt-get install -y chromium chromium-driver\n",
    "FROM node:20\nRUN npx playwright install --with-deps chromium\n",
    "FROM node:20\nRUN npx @puppeteer/browsers install chrome@153.0.7790.10\n",
    "FROM node:20\nENV PUPPETEER_SKIP_DOWNLOAD=true\nRUN npm install -g puppeteer\n",
    'FROM debian:12\nARG TARGETARCH\nRUN if [ "$TARGETARCH" = amd64 ]; then apt-get install -y google-chrome-stable; else apt-get install -y chromium; fi\n',
  ],
  references: ["https://github.com/puppeteer/puppeteer/issues/7740"],
  mentions: /chrom|msedge|puppeteer/i,
  check(model, report) {
    const message = "Chrome before 153 has no build for Linux on arm64.";
    const architectures = ["arm64"];
    const isArm = (architecture: string): boolean => architecture !== "amd64";
    for (const { place, url, line } of downloadsOf(model)) {
      if (!isNative(place.view) || !isArm(place.stage.platform.architecture)) continue;
      if (
        ruleOfUrl(url) !== "chrome-amd64-only" ||
        /linux_signing_key|\.(?:pub|gpg|key|json)$|LATEST_RELEASE/i.test(url)
      )
        continue;
      if (archsOfUrl(url).some(({ arch }) => arch === place.stage.platform.architecture)) continue;
      report({ line, message, architectures });
    }
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || !isArm(use.stage.platform.architecture)) continue;
      const words = use.args.join(" ");
      const installs =
        (isInstall(use) && /(?:^|\s)google-chrome(?:-(?:stable|beta|unstable))?(?:[=\s]|$)/.test(words)) ||
        (/^(?:npx|playwright|pnpm|yarn|node|python3?|bunx)$/.test(use.program) &&
          /playwright.* install\b.*\b(?:chrome|msedge)\b(?!-)/.test(`${use.program} ${words}`)) ||
        /@puppeteer\/browsers install chrome(?:driver|-headless-shell|@|\s|$)|puppeteer browsers install chrome\b/.test(
          words,
        ) ||
        isNpmDownload(use);
      if (installs && !isChromeForArm(words))
        report({ line: lineOfWord(use, /chrome|msedge|puppeteer/), message, architectures });
    }
  },
};

/** npm packages whose install script fetches Chrome or its driver, unless told not to. */
function isNpmDownload({ program, args, executed }: Use): boolean {
  if (!/^(?:npm|yarn|pnpm|bun)$/.test(program) || !args.some((word) => /^(?:install|i|add)$/.test(word)))
    return false;
  if (args.includes("--ignore-scripts")) return false;
  const skips = [...executed.variables].some(
    ([name, value]) =>
      /^PUPPETEER_SKIP_(?:CHROMIUM_)?DOWNLOAD$|^CHROMEDRIVER_SKIP_DOWNLOAD$/.test(name) &&
      value !== "" &&
      value !== "false",
  );
  return !skips && args.some((word) => /^(?:puppeteer|chromedriver)(?:@[\w.^~-]+)?$/.test(word));
}
