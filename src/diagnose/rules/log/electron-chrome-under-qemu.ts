import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const browser =
  /chrom(?:e|ium)|electron|puppeteer|playwright|crashpad|zygote|selenium|cypress|headless_shell|webdriver/i;

export const rule: LogRule = {
  code: "electron-chrome-under-qemu",
  title: "Chrome or Electron for another CPU fails under emulation",
  architecture: true,
  emulated: true,
  patterns: [
    {
      line: /ptrace: (?:Function not implemented|Operation not permitted)|inotify_init\S{0,6}.{0,40}Function not implemented|Unsupported (?:syscall|ptrace)|prctl.{0,40}(?:Function not implemented|failed)/i,
      near: browser,
      score: 90,
    },
    {
      line: /(?:uncaught target signal|Trace\/breakpoint trap|SIGTRAP|SIGILL|Segmentation fault|signal=SIG)/i,
      near: browser,
      emulation: "likely",
      score: 88,
    },
    {
      line: /uncaught target signal/,
      command: browser,
      commandNot: /\b(?:npm|yarn|pnpm|bun|pip|apt|apt-get|apk)\b/,
      score: 90,
    },
    {
      line: /Failed to launch (?:the browser process|chrom\w+)|browser has disconnected|session not created|DevToolsActivePort|Target (?:closed|crashed)|crashpad|GPU process isn't usable|Zygote|Cypress failed to start/i,
      emulation: "shown",
      score: 84,
    },
    // Chrome starts itself again with --type=…, and the emulator takes that for an option of its own.
    { line: /^qemu\S{0,20}: unknown option 'type=\w{1,20}'/, score: 92 },
    { line: /\[(?:\d+:\d+:)?\d{4}\/\d+\.\d+:(?:ERROR|FATAL):/, emulation: "shown", score: 82 },
  ],
  above: [
    "qemu-sigtrap-signal-5",
    "qemu-unsupported-syscall",
    "qemu-sigsegv-signal-11",
    "qemu-sigill-signal-4",
    "qemu-sigabrt-signal-6",
  ],
  why: "Chrome's sandbox and crash handler use ptrace, inotify, seccomp and namespaces, which QEMU's user mode doesn't implement. Chrome for amd64 on an ARM machine therefore stops with SIGTRAP or these messages; no flag makes it reliable.",
  fixes: [
    {
      title: "Use Chromium for this machine's CPU",
      detail:
        "The distribution's chromium package and playwright's browsers exist for arm64; seleniarm or selenium/standalone-chromium instead of standalone-chrome. For puppeteer: PUPPETEER_EXECUTABLE_PATH=/usr/bin/chromium.",
    },
    { ...nativeNode, title: "Or run it on a native amd64 machine" },
  ],
  references: ["https://github.com/docker/for-mac/issues/5766"],
  bad: [
    "qemu: unknown option 'type=utility'\n[0610/1.1:ERROR:scoped_ptrace_attach.cc(27)] ptrace: Function not implemented (38)",

    "WARNING: The requested image's platform (linux/amd64) does not match the detected host platform (linux/arm64/v8) and no specific platform was requested\n[0101/000000.1:ERROR:ptracer.cc] ptrace: Function not implemented (38)\nchrome_crashpad_handler exited",
  ],
  good: [
    "Error: Failed to launch the browser process!\nRunning as root without --no-sandbox is not supported",
  ],
};
