import { buildPlatformStage, leaveOutPlatform, nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

/** What a program says that stops itself for reasons of its own, on any CPU. */
const ownAbort =
  /Unhandled exception\. |terminate called after|Assertion .{1,200} failed|panicked at|heap out of memory/;

export const rule: LogRule = {
  code: "qemu-sigabrt-signal-6",
  title: "The program aborted under QEMU (signal 6, exit code 134)",
  architecture: true,
  emulated: true,
  stage: "any",
  patterns: [
    {
      line: /^(?:Bail out! )?(?:\*\* ?)?ERROR:\S{0,60}(?:accel|tcg|linux-user|cpu-exec|plugins)\S{0,80}: assertion failed|tcg fatal error|^qemu\S{0,30}: .{0,60}Assertion .{0,100} failed/,
      score: 60,
    },
    { line: /uncaught target signal 6\b/, score: 74 },
    {
      line: /\bAborted\b(?: \(core dumped\))?$|(?:signal|with|by|received|caught|fatal|terminated|code|status)[^\w]{1,4}\(?SIGABRT\b|<Signals\.SIGABRT:|(?:terminated|killed|died|exited|failed)(?: due to| with| by| on)? signal 6\b|\bSIGABRT(?:: | \(|$)/,
      nearNot: ownAbort,
      emulation: "shown",
      score: 45,
    },
    {
      line: /\bexit (?:code|status)[: ]*134\b|non-zero code: 134\b|exited with (?:code |status |error )?134\b|exited \(134\)/i,
      nearNot: ownAbort,
      emulation: "likely",
      score: 44,
      confidence: "likely",
    },
  ],
  why: "The program found its own state impossible and stopped itself: under QEMU memory, threads or system calls behaved as they don't on a real CPU. Exit code 134 is 128 + signal 6.",
  fixes: [
    {
      title: "Use the image for this machine's own CPU",
      detail:
        "On an ARM machine that is linux/arm64: leave out --platform linux/amd64 (and DOCKER_DEFAULT_PLATFORM). On a Mac, Rosetta runs amd64 programs more faithfully than QEMU (Docker Desktop: Settings, Virtual machine options).",
    },
    nativeNode,
    buildPlatformStage,
    pinnedEmulator,
    leaveOutPlatform,
  ],
  references: [
    "https://github.com/docker/for-mac/issues/5705",
    "https://github.com/docker/for-mac/issues/6264",
  ],
  bad: [
    "#7 [linux/arm64 4/5] RUN run-all\n#7 8.0 **\n#7 8.1 ERROR:../accel/tcg/cpu-exec.c:532:cpu_exec_longjmp_cleanup: assertion failed: (cpu == current_cpu)",
    '#7 [linux/amd64 app 4/5] RUN bundle install\n#7 88.1 qemu: uncaught target signal 6 (Aborted) - core dumped\n#7 88.2 Aborted\n#7 ERROR: process "/bin/sh -c bundle install" did not complete successfully: exit code: 134',
  ],
  good: ["$ ./server\nAborted (core dumped)"],
};
