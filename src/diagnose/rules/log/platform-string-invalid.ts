import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "platform-string-invalid",
  title: "The platform that was given isn't written as os/arch[/variant]",
  architecture: true,
  patterns: [
    {
      line: /is an invalid (?:OS )?component\b|OSAndVersion specifier|platform specifier component must match|invalid platform (?:syntax|format|specifier|string|value|for|:|")|unknown operating system or architecture|failed to parse platform|cannot parse platform|could not parse platform|unable to parse platform/i,
      score: 92,
    },
    {
      line: /PLATFORM_INVALID|A platform is malformed|isn't of the form os\/arch|platform .{0,40}(?:must be|should be|isn't|is not) .{0,30}os\/arch/i,
      score: 92,
    },
    {
      line: /unknown architecture:?|unsupported (?:platform|architecture) (?:string|specified)/i,
      near: /--platform/,
      score: 78,
      confidence: "likely",
    },
    {
      line: /"buildx build" requires exactly 1 argument|requires exactly 1 argument/,
      log: /--platform[ =]\S{1,60}, /,
      score: 84,
      confidence: "likely",
    },
  ],
  why: 'Platforms are os/arch or os/arch/variant, in lower case, several separated by commas without blanks. "amd64", "linux-amd64" or "linux/arm64, linux/amd64" (with a blank) can\'t be parsed.',
  fixes: [
    {
      title: "Write it as os/arch[/variant]",
      detail:
        "--platform linux/amd64,linux/arm64,linux/arm/v7: linux/amd64 instead of amd64 or linux-amd64; no blank after the comma (quotes don't help); no trailing comma. In YAML platforms: linux/amd64,linux/arm64.",
    },
  ],
  references: [],
  bad: [
    'ERROR: failed to build: " linux" is an invalid OS component of " linux/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)$": invalid argument',
    'ERROR: failed to build: "linux-amd64": unknown operating system or architecture: invalid argument',
    'error: "linux/arm64 " : "arm64 " is an invalid component of "linux/arm64 ": platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument',
  ],
  good: ["ERROR: failed to solve: docker.io/example/tool:2.1: no match for platform in manifest: not found"],
};
