import type { LogRule } from "../../log/log-rule.ts";

/** A command that fetches or unpacks a program made elsewhere. */
const fetches =
  /\b(?:curl|wget|ADD|unzip|tar|install\.sh|get\.|releases\/download|aria2c|fetch)\b|https?:\/\/|--from=/i;
/** Names of shells and of what a container starts with: there the whole image is of another CPU. */
const shell = "(?:\\/(?:usr\\/)?(?:bin|sbin)\\/(?:ba|da|a|z|k)?sh|\\/bin\\/busybox|\\/dev\\/init)";

export const rule: LogRule = {
  code: "binary-download-wrong-arch",
  title: "A program for another CPU was put into the image (mostly a download with a fixed x86_64 in it)",
  architecture: true,
  patterns: [
    // A shell that reads an ELF file as if it were a script.
    {
      line: /\/\S{1,160}: (?:line )?[01]: syntax error:? (?:unexpected (?:word|"?[()]"?|end of file|redirection|EOF)|word unexpected|"?[()]"? unexpected|Unterminated)|^(?:\S{1,40}: )?[01]: \/\S{1,160}: Syntax error: (?:word unexpected|"?[()]"? unexpected|Unterminated|end of file)/i,
      score: 84,
    },
    {
      line: /\/\S{1,160}: line [01]: \S{0,40}ELF\S{0,40}: (?:command )?not found|:\s\x7f?ELF.{0,20}not found/,
      score: 86,
    },
    {
      line: /rosetta error: failed to open elf at|Could not open '\/lib(?:64)?\/ld-(?:linux|musl)-?x86[-_]64\.so/i,
      score: 92,
    },
    {
      line: /qemu-(?:x86_64|i386)\S*: Could not open|(?:qemu-)?(?:aarch64|arm)\S*: Could not open '\/lib\/ld-/i,
      score: 90,
    },
    {
      line: /ld-linux-x86-64\.so\.2/,
      near: /No such file|not found|cannot open|error/i,
      emulation: "likely",
      score: 84,
    },
    {
      line: new RegExp(
        `(?:sh|bash|ash)(?:: line)?(?:: \\d+)?: (?!${shell}:)\\S{1,200}: (?:cannot execute(?! ?: required)(?: binary file)?|.{0,20}exec format error)`,
        "i",
      ),
      score: 86,
    },
    {
      line: new RegExp(
        `^(?!${shell}:)(?:\\S{0,40}: )?(?:line \\d+: )?(?!exec )\\/?[\\w.@+~/-]{1,160}: (?:cannot execute binary file|\\d+: .{0,80}exec format error)`,
        "i",
      ),
      score: 84,
    },
    {
      line: /exec format error|cannot execute binary file/i,
      command: fetches,
      near: /OSError|Errno 8|subprocess|cannot execute|line \d+:|sh: \d+:/i,
      score: 84,
    },
    { line: /Cannot run program "[^"]{1,300}".{0,60}error=8\b/, score: 82 },
    {
      line: /An error occurred trying to start process '[^']{1,300}'.{0,300}Exec format error/,
      score: 84,
    },
    {
      line: new RegExp(
        `(?:running "[^"]{1,80}": fork/exec|^make(?:\\[\\d+\\])?:) (?!${shell}:)\\S{1,200}: exec format error`,
        "i",
      ),
      score: 84,
    },
    // Android's and BSD's shell.
    { line: /\/\S{1,160}: not executable: (?:32|64)-bit ELF file/, score: 84 },
    { line: /(?:OSError|PermissionError)?: ?\[Errno 8\] Exec format error: '/, score: 82 },
    {
      line: /\/\S{1,120}: \d+: .{0,60}Syntax error: (?:word unexpected|"\S{1,4}" unexpected|Unterminated quoted string|end of file unexpected)/i,
      near: /ELF|\x7f/,
      score: 80,
    },
    {
      line: /Syntax error: (?:word unexpected \(expecting "\)"\)|"[()]" unexpected|Unterminated quoted string)/i,
      command: fetches,
      score: 76,
      confidence: "likely",
    },
    {
      line: /syntax error: unexpected (?:word|end of file|"\("|redirection|newline).{0,30}$/i,
      command: fetches,
      emulation: "likely",
      score: 66,
      confidence: "possible",
    },
  ],
  above: ["exec-format-error-no-emulation", "glibc-vs-musl-mismatch"],
  why: "The image's shell runs, so the step itself is on a CPU that works; one program in it is made for another. Its loader (ld-linux-x86-64.so.2) isn't in the image, or the kernel refuses it.",
  fixes: [
    {
      title: "Choose the file by the image's CPU",
      detail:
        'ARG TARGETARCH\nRUN curl -fsSL "https://example.com/tool-linux-${TARGETARCH}.tar.gz" | tar -xz -C /usr/local/bin\nWhere the publisher writes x86_64 and aarch64:\nRUN case "$(uname -m)" in x86_64) a=x86_64 ;; aarch64) a=aarch64 ;; *) echo "no tool for $(uname -m)" >&2; exit 1 ;; esac && curl -fsSLO "https://example.com/tool-$a"',
    },
    {
      title: "Check what a file is for",
      detail: "file /usr/local/bin/tool, or anyarch verify IMAGE: it names every file of another CPU.",
    },
    {
      title: "Build this stage for the CPU of the tool",
      detail:
        "FROM --platform=linux/amd64 …, when the tool exists for that one only: it runs emulated elsewhere, several times slower.",
      workaround: true,
    },
  ],
  references: ["https://github.com/docker/for-mac/issues/7644"],
  bad: [
    '#9 [linux/arm64 5/5] RUN ./gradlew generateProto\n#9 22.0 Caused by: java.io.IOException: Cannot run program "/root/.gradle/protoc-3.21-linux-x86_64.exe": error=8, Exec format error',
    "/system/bin/sh: /data/local/tool: not executable: 64-bit ELF file",
    '#9 [linux/arm64 4/5] RUN go generate ./...\n#9 0.1 main.go:3: running "buf": fork/exec /go/bin/buf: exec format error',
    "#9 [linux/arm64 4/5] RUN make proto\n#9 0.1 make: ./bin/protoc: Exec format error",

    "#7 [linux/arm64 3/5] RUN curl -Lo /usr/local/bin/kubectl https://example.com/amd64/kubectl && chmod +x /usr/local/bin/kubectl && kubectl version --client\n#7 5.0 /bin/sh: 1: kubectl: Exec format error",
    "rosetta error: failed to open elf at /lib64/ld-linux-x86-64.so.2",
  ],
  good: [
    '#6 [linux/arm64 2/4] RUN apk add curl\n#6 0.211 exec /bin/sh: exec format error\n#6 ERROR: process "/bin/sh -c apk add curl" did not complete successfully: exit code: 1',
  ],
};
