import { archsOfUrl, downloadsOf, ruleOfUrl } from "../../dockerfile/downloads.ts";
import { isInstall } from "../../dockerfile/packages.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "chrome-amd64-only",
  severity: "error",
  title: "Google Chrome is installed, which has no build for Linux on arm64",
  why: "Google publishes Chrome, Chrome for Testing and chromedriver for Linux on amd64 only.",
  fix: "Take Chromium from the distribution or from Playwright, or install Chrome only where TARGETARCH is amd64.",
  bad: [
    "FROM debian:12\nRUN apt-get update && apt-get install -y google-chrome-stable\n",
    "FROM debian:12\nRUN wget -q https://dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb && apt-get install -y ./google-chrome-stable_current_amd64.deb\n",
    "FROM node:20\nRUN npx playwright install chrome\n",
  ],
  good: [
    "FROM debian:12\nRUN apt-get update && apt-get install -y chromium chromium-driver\n",
    "FROM node:20\nRUN npx playwright install --with-deps chromium\n",
    'FROM debian:12\nARG TARGETARCH\nRUN if [ "$TARGETARCH" = amd64 ]; then apt-get install -y google-chrome-stable; else apt-get install -y chromium; fi\n',
  ],
  references: ["https://github.com/puppeteer/puppeteer/issues/7740"],
  mentions: /chrom|msedge/i,
  check(model, report) {
    const message = "Chrome has no build for Linux on arm64.";
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
        /@puppeteer\/browsers install chrome(?:driver|@|\s|$)|puppeteer browsers install chrome\b/.test(
          words,
        );
      if (installs) report({ line: lineOfWord(use, /chrome|msedge/), message, architectures });
    }
  },
};
