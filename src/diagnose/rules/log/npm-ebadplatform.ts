import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "npm-ebadplatform",
  title: "npm refuses a package that isn't made for this system or CPU",
  architecture: true,
  patterns: [
    { line: /npm (?:ERR!|error) code EBADPLATFORM|npm (?:ERR!|error) notsup/i, score: 92 },
    {
      line: /Unsupported platform for \S{1,80}: wanted/i,
      nearNot: /npm WARN .{0,80}SKIPPING OPTIONAL/i,
      score: 88,
    },
    {
      line: /(?:platform|CPU architecture) "\S{1,20}" is incompatible with this module|YN0078: .{0,160}is incompatible with this package|Found incompatible module/i,
      score: 90,
      nearNot: /optional dependency and failed compatibility/,
    },
    { line: /ERR_PNPM_UNSUPPORTED_PLATFORM|EBADPLATFORM/, score: 88 },
  ],
  above: ["generic-user-error"],
  why: "The package's os or cpu field leaves this platform out (or names another), and it is a hard dependency, so npm stops. Mostly it was added by hand on the developer's machine, such as fsevents or a @…-darwin-arm64 package.",
  fixes: [
    {
      title: "Make it an optional dependency, or remove it",
      detail:
        "npm uninstall NAME && npm install --save-optional NAME: npm then leaves it out where it doesn't fit.",
    },
    {
      title: "Update what depends on it",
      detail: "npm ls NAME shows who asks for it; current versions have it as optional.",
    },
    { title: "npm ci --force", detail: "Installs it all the same; it can't run here.", workaround: true },
  ],
  references: [],
  bad: [
    "➤ YN0078: │ @acme/native@npm:1.0.0 The linux-arm64 architecture is incompatible with this package",

    'npm ERR! code EBADPLATFORM\nnpm ERR! notsup Unsupported platform for tool-win32@1.0.0: wanted {"os":"win32"} (current: {"os":"linux","arch":"x64"})',
  ],
  good: [
    "npm WARN notsup SKIPPING OPTIONAL DEPENDENCY: Unsupported platform for fsevents@2.3.2: wanted darwin",
  ],
};
