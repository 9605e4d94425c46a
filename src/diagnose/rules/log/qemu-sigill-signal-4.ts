import { buildPlatformStage, leaveOutPlatform, nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";
import { nodeFixes, nodeVerdicts, runsNode } from "../../log/node-under-emulation.ts";

/** Signal 4 of a program that nothing more specific is known about; very often Node.js. */
export const rule: LogRule = {
  code: "qemu-sigill-signal-4",
  title:
    "The program hit an instruction that QEMU can't emulate (signal 4, illegal instruction, exit code 132)",
  architecture: true,
  emulated: true,
  stage: "any",
  patterns: [
    { line: /uncaught target signal 4\b/, score: 74 },
    { line: /qemu: unhandled CPU exception|qemu-\S+: .{0,80}illegal instruction/i, score: 55 },
    {
      line: /^(?:.{0,80}(?:: |\] |! |\d ))?\s{0,8}Illegal instruction(?=$|\.?$|\s{1,10}\(|\s{2,}|: \d| at )|(?:signal|with|by|received|caught|fatal|terminated|code|status)[^\w]{1,4}\(?SIGILL\b|<Signals\.SIGILL:|(?:terminated|killed|died|exited|failed)(?: due to| with| by| on)? signal 4\b|^(?:.{0,80}[: ])?SIGILL(?:: | \((?=[A-Za-z0]|\d+\))|$)/i,
      emulation: "shown",
      score: 50,
    },
    {
      line: /\bexit (?:code|status)[: ]*132\b|non-zero code: 132\b|exited with (?:code |status |error )?132\b|exited \(132\)/i,
      emulation: "likely",
      score: 48,
      confidence: "likely",
    },
  ],
  why: (log, place) =>
    runsNode(place.command)
      ? nodeVerdicts(log)
      : "QEMU translates the program instruction by instruction; it met one that this version doesn't know or translates wrongly. The program isn't at fault, and a real CPU of that kind runs it. Some builds hang after this line instead of failing.",
  fixes: (_log, place) =>
    runsNode(place.command) ? nodeFixes : [nativeNode, buildPlatformStage, pinnedEmulator, leaveOutPlatform],
  references: [
    "https://github.com/raaymax/quack/pull/312",
    "https://github.com/seebom-labs/BOMHort/pull/183",
    "https://github.com/anefzaoui/minecraft-server-manager/pull/20",
  ],
  bad: [
    "Set up QEMU\n#9 [linux/arm64 4/5] RUN turbo build\n#9 1.0 app:build: ERROR: command finished with error: command (/app) exited (132)",

    '#12 [linux/arm64 build 4/6] RUN npm ci\n#12 41.20 qemu: uncaught target signal 4 (Illegal instruction) - core dumped\n#12 41.55 Illegal instruction (core dumped)\n#12 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 132',
    '#9 [linux/arm/v7 stage-0 3/4] RUN ./configure-it\n#9 ERROR: process "/bin/sh -c ./configure-it" did not complete successfully: exit code: 132',
  ],
  good: [
    "Set up QEMU\n#9 [linux/arm64 5/5] RUN php artisan test\n#9 1.1   FAILED  Tests\\Feature\\ArchTest > it says illegal instruction",

    'Run docker/setup-qemu-action@v3\n#7 [linux/arm64 4/5] RUN pytest\n#7 8.0 >       assert explain("Illegal instruction (core dumped), Segmentation fault") is None\n#7 8.0 E       AssertionError: assert 4 is None',
    "#3 [linux/amd64 build 2/4] RUN echo qemu: uncaught target signal 4\n#3 DONE 0.1s",
  ],
};
