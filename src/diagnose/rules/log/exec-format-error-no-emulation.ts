import { leaveOutPlatform, nativeNode, registerEmulator } from "../../log/fix-texts.ts";
import type { LogLine } from "../../log/log-line.ts";
import { emulationOf, type LogView } from "../../log/log-view.ts";
import type { LogRule } from "../../log/log-rule.ts";

/** Of a text file without #! the kernel says the same. */
const script = /\.(?:sh|bash|py|rb|pl|js)["'`]?: .{0,20}exec format error/i;

function isNotScript(log: LogView, line: LogLine): boolean {
  if (!script.test(line.text)) return true;
  return !log.has(/ASCII text|text executable|no shebang/) && emulationOf(log, line.step).level !== "not";
}

export const rule: LogRule = {
  code: "exec-format-error-no-emulation",
  title: "A program of another CPU was started and no emulator is registered (exec format error)",
  architecture: true,
  emulated: false,
  patterns: [
    { line: /Invalid ELF image for this architecture/, score: 64 },
    {
      line: /Failed to execute process .{1,200}(?:Exec format error|could not be run by the operating system)|Bad CPU type in executable|error=8, Exec format error|errno: -8\b/,
      score: 62,
    },
    {
      line: /(?:exec|standard_init_linux|\/(?:usr\/)?(?:bin|sbin)\/(?:ba|da)?sh\b|\.buildkit_qemu_emulator|container process|\/dev\/init|entrypoint|fork\/exec).{0,200}exec format error/i,
      check: isNotScript,
      score: 70,
    },
    {
      line: /(?:[\w./@+'"`)\]-]: {1,2}|reason: |^)(?:exec format error|cannot execute binary file)|caused[: ]{1,3}\\?"?exec format error|OSError: \[Errno 8\]/i,
      check: isNotScript,
      score: 60,
    },
    { line: /\bENOEXEC\b|Exec format error \(os error 8\)|No such emulator/i, score: 58 },
  ],
  why: "The kernel was asked to run a program for another CPU architecture and knows no emulator for it: QEMU isn't registered with binfmt_misc on the machine that builds (or the registration was lost at a restart). kaniko never emulates.",
  fixes: [
    registerEmulator,
    nativeNode,
    {
      title: "Or choose the image for this machine's CPU",
      detail:
        "Compare `docker image inspect --format '{{.Os}}/{{.Architecture}}' IMAGE` with `uname -m`; remove a --platform that asks for another CPU, or pull and build the image again for this one.",
    },
    leaveOutPlatform,
  ],
  references: [
    "https://docs.docker.com/build/building/multi-platform.md",
    "https://github.com/GoogleContainerTools/kaniko/issues/2024",
    "https://github.com/sighupio/gangplank/issues/13",
  ],
  bad: [
    "STEP 2/3: RUN true\n.buildkit_qemu_emulator: /bin/sh: Invalid ELF image for this architecture",
    '#6 [linux/arm64 2/4] RUN apk add curl\n#6 0.211 exec /bin/sh: exec format error\n#6 ERROR: process "/bin/sh -c apk add curl" did not complete successfully: exit code: 1',
    "standard_init_linux.go:228: exec user process caused: exec format error",
  ],
  good: [
    '# `[ "$output" = "exec /bin/sh: exec format error" ]\' failed',
    'See "exec /bin/sh: exec format error" in the manual.',
    '  Which is: "exec format error"\n[  FAILED  ] Log.Explain (0 ms)',
    "E       AssertionError: assert 'exec format error' in 'unknown fault'",
    "$ file start.sh\nstart.sh: ASCII text, executable\n$ docker run app:dev\nexec /start.sh: exec format error",
    '   12 |     puts("exec format error");\n      |     ^',
    "$ ./notes.txt\n-bash: ./notes.txt: Permission denied",
  ],
};
