import { buildPlatformStage, leaveOutPlatform, nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "qemu-sigsegv-signal-11",
  title: "The program crashed under QEMU (signal 11, segmentation fault, exit code 139)",
  architecture: true,
  emulated: true,
  stage: "any",
  patterns: [
    { line: /uncaught target signal 11\b/, score: 74 },
    {
      line: /qemu: (?:fatal|segmentation)|qemu-\S+: .{0,80}Segmentation fault|QEMU internal SIGSEGV/i,
      score: 50,
    },
    {
      line: /^(?:.{0,80}(?:: |\] |! |\d ))?\s{0,8}Segmentation fault(?=$|\.?$|\s{1,10}\(|\s{2,}|: \d| at )|(?:signal|with|by|received|caught|fatal|terminated|code|status)[^\w]{1,4}\(?SIGSEGV\b|<Signals\.SIGSEGV:|(?:terminated|killed|died|exited|failed)(?: due to| with| by| on)? signal 11\b|^(?:.{0,80}[: ])?SIGSEGV(?:: | \((?=[A-Za-z0]|\d+\))|$)/i,
      emulation: "shown",
      nearNot: /nil pointer dereference|NullPointerException|null pointer/i,
      score: 46,
    },
    {
      line: /\bexit (?:code|status)[: ]*139\b|non-zero code: 139\b|exited with (?:code |status |error )?139\b|exited \(139\)|status 139\b/i,
      emulation: "likely",
      score: 44,
      confidence: "likely",
    },
  ],
  why: "The program reads memory that isn't its own, which it doesn't do on a real CPU: this QEMU version maps memory or translates code wrongly. Exit code 139 is 128 + signal 11. Nothing in the log names a program with a fault of its own under QEMU.",
  fixes: [nativeNode, buildPlatformStage, pinnedEmulator, leaveOutPlatform],
  references: ["https://github.com/docker/for-mac/issues/5123"],
  bad: [
    "Set up QEMU\n#9 [linux/arm64 4/5] RUN python setup.py build\n#9 1.0 subprocess.CalledProcessError: Command '['python', 'x.py']' died with <Signals.SIGSEGV: 11>.",

    "Set up QEMU\n#9 [linux/arm64 5/6] RUN apk add --no-cache git\n#9 1.0 ERROR: alpine-baselayout-3.2.0-r7.trigger: script exited with error 139",

    '#8 [linux/arm64 3/5] RUN make-index\n#8 7.2 qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n#8 7.3 Segmentation fault (core dumped)\n#8 ERROR: process "/bin/sh -c make-index" did not complete successfully: exit code: 139',
  ],
  good: [
    "Set up QEMU\n#9 [linux/arm64 5/5] RUN php artisan test\n#9 1.1   Failed asserting that 'Segmentation fault' contains \"illegal instruction\".\n#9 1.1   it reports SIGSEGV (1.2ms)",
    "Set up QEMU\n#9 [linux/arm64 5/5] RUN git log --oneline -3 && make check\n#9 1.1 1a1b2c3 Work around qemu: uncaught target signal 11 (Segmentation fault)\n#9 1.1 make: *** No rule to make target 'check'.  Stop.",

    "Run docker/setup-qemu-action@v3\n#9 [linux/arm64 5/5] RUN go test ./...\n#9 2.1 panic: runtime error: invalid memory address or nil pointer dereference\n#9 2.1 [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4d2c11]",
    'Run docker/setup-qemu-action@v3\n#7 [linux/arm64 4/5] RUN pytest\n#7 8.0 >       assert explain("Illegal instruction (core dumped), Segmentation fault") is None\n#7 8.0 E       AssertionError: assert 4 is None',
    "$ ./server\nSegmentation fault (core dumped)",
  ],
};
