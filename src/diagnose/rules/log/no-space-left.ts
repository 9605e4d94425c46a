import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "no-space-left",
  title: "The disk is full",
  architecture: false,
  patterns: [
    {
      line: /no space left on device|\bENOSPC\b(?!.{0,40}(?:watch|inotify))|disk quota exceeded|not enough (?:free )?(?:disk )?space|You don't have enough free space in|No free space|database or disk is full/i,
      score: 97,
    },
  ],
  why: "The disk of the machine that builds (or its inodes, or a limit of the builder's volume) is used up. Building several platforms needs the space several times over.",
  fixes: [
    {
      title: "Free space",
      detail:
        "docker buildx prune --all; docker system prune --all --volumes; df -h and df -i show what is full.",
    },
    {
      title: "Or use a larger disk",
      detail:
        "On hosted runners remove preinstalled toolchains first, or build the platforms in separate jobs.",
    },
  ],
  references: [],
  bad: [
    "error An unexpected error occurred: \"ENOSPC: no space left on device, mkdir '/usr/local/share/.cache/x'\".",

    "#22 exporting layers\n#22 ERROR: failed to copy: write /var/lib/buildkit/runc-overlayfs/content/ingest/ab/data: no space left on device",
  ],
  good: ["Error: ENOSPC: System limit for number of file watchers reached, watch '/app/src'"],
};
