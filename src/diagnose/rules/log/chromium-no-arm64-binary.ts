import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "chromium-no-arm64-binary",
  title: "The Chromium that puppeteer (or the like) downloads doesn't exist for this CPU",
  architecture: true,
  patterns: [
    {
      line: /chrom\w{0,10} binary is not available for arm|does not support chromium on|Cannot download a binary for the provided platform: linux_arm|Failed downloading the Cypress binary.{0,80}404|(?:Chrome|Chromium) is not (?:available|supported) .{0,40}(?:arm|aarch)|ERROR: not supported on Linux Arm64|not supported on Linux ARM/i,
      score: 95,
    },
    {
      line: /Failed to (?:set up|download) (?:Chrom\w+|r\d+)|ERROR: Failed to (?:set up|download) Chrom|PUPPETEER_SKIP_(?:CHROMIUM_)?DOWNLOAD/i,
      emulation: "likely",
      score: 88,
    },
    {
      line: /Failed to (?:set up|download) Chrom\w+|PUPPETEER_SKIP_(?:CHROMIUM_)?DOWNLOAD/i,
      log: /\b(?:arm64|aarch64|arm\/v7|armv7l)\b/,
      score: 84,
      confidence: "likely",
    },
    {
      line: /Failed to launch the browser process|chrome-linux(?:64)?\/chrome/i,
      near: /ld-linux-x86-64|rosetta error|Exec format error|cannot execute binary|Could not open '\/lib64|Syntax error/i,
      score: 94,
    },
    {
      line: /ld-linux-x86-64\.so\.2|rosetta error|exec format error|Syntax error: .{0,20}unexpected/i,
      near: /puppeteer|chrome-linux|\.local-chromium|\.cache\/puppeteer|ms-playwright/i,
      score: 92,
    },
  ],
  above: ["binary-download-wrong-arch", "exec-format-error-no-emulation", "npm-native-module-wrong-arch"],
  why: "Google publishes Chrome for Linux on x86-64; puppeteer downloads that one whatever the CPU is. In an ARM image it is missing or can't start.",
  fixes: [
    {
      title: "Use the distribution's Chromium",
      detail:
        "RUN apt-get update && apt-get install -y --no-install-recommends chromium\nENV PUPPETEER_SKIP_DOWNLOAD=true PUPPETEER_EXECUTABLE_PATH=/usr/bin/chromium\nAlpine: apk add chromium, /usr/bin/chromium-browser. (Older puppeteer: PUPPETEER_SKIP_CHROMIUM_DOWNLOAD.) Playwright has its own arm64 builds.",
    },
  ],
  references: [],
  bad: [
    "#9 [linux/arm64 4/5] RUN npx playwright install chrome\n#9 9.0 ERROR: not supported on Linux Arm64\n#9 9.0 Failed to install browsers",
    "Error: Cannot download a binary for the provided platform: linux_arm (arm64)",
    "#9 [linux/arm64 3/5] RUN npm ci\n#9 20.0 npm ERR! The chromium binary is not available for arm64.",
  ],
  good: [
    "Error: Failed to launch the browser process!\n/root/chrome: error while loading shared libraries: libnss3.so: cannot open shared object file: No such file or directory",
  ],
};
