import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "glibc-vs-musl-mismatch",
  title: "A program made for glibc runs on musl (Alpine), or the other way round",
  architecture: true,
  patterns: [
    { line: /Not a valid dynamic program|Error loading shared library \S{1,80}: Exec format/, score: 86 },
    {
      line: /(?:sh|ash): (?:line \d+: |\d+: )?\.?\/?\S{1,120}: not found$/,
      near: /ld-linux\S{1,20} (?:\(0x|=>)|ld-musl\S{1,20} \(0x/,
      score: 84,
    },
    {
      line: /Error relocating \S{1,200}: \S{1,80}: symbol not found/,
      nearNot: /node_modules|\.node\b/,
      score: 88,
    },
    {
      line: /Error loading shared library (?:ld-linux\S{1,20}|libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|libresolv\.so\.2|libstdc\+\+\.so\.6|libgcc_s\.so\.1)/,
      nearNot: /node_modules|\.node\b/,
      score: 86,
    },
    {
      line: /(?:libc\.musl-\w+\.so\.1|ld-musl-\w+\.so\.1)\S{0,4}:? (?:.{0,20})(?:cannot open shared object|No such file|not found)/,
      score: 88,
    },
    { line: /__\w+_chk: symbol not found|gnu_get_libc_version|symbol lookup error.{0,120}musl/i, score: 84 },
    {
      line: /(?:sh|ash): (?:\d+: |line \d+: )?\S{0,80}(?:\/\S{1,80}|\bnode|\bbun|\bdeno|\bjava|\bprotoc|\bgo): not found$/,
      log: /alpine|\bapk\b|musl/i,
      command: /curl|wget|tar |ADD|COPY|\.\/|\/usr\/local|protoc|node |bun |deno|java|hugo|aws|sass/i,
      nearNot: /gyp|gcc: not found|make: not found|g\+\+: not found/,
      emulation: "not",
      score: 60,
      confidence: "possible",
    },
    {
      line: /(?:exec|no such file or directory).{0,80}(?:no such file or directory)/i,
      log: /\balpine|musl/i,
      near: /glibc|ldd|libc6|gnu\b/i,
      score: 66,
      confidence: "possible",
    },
    // bash since 5.2: the program is there, its loader isn't. A script's missing interpreter looks alike.
    {
      line: /\S: cannot execute: required file not found/,
      nearNot: /\.(?:sh|bash|py|rb|pl|js|mjs)["']?: cannot execute|entrypoint/,
      score: 72,
      confidence: "likely",
    },
    {
      line: /\bno such file or directory/i,
      near: /interpreter \/lib(?:64)?\/ld-|ld-linux-\S+ => not found|not a dynamic executable/,
      score: 78,
    },
  ],
  above: ["exec-format-error-no-emulation", "binfmt-flag-F-missing", "generic-user-error"],
  why: 'glibc (Debian, Ubuntu, Fedora) and musl (Alpine) are different C libraries with different loaders. A binary made for one doesn\'t start on the other: its loader is missing ("not found" although the file is there), or symbols are. The CPU is the right one.',
  fixes: [
    {
      title: "Take the build for this libc",
      detail:
        "Files named linux-musl, alpine or static; for wheels musllinux; a statically linked build (Go: CGO_ENABLED=0).",
    },
    {
      title: "Or a glibc base image",
      detail: "debian:trixie-slim, …-slim instead of …-alpine; build and final stage with the same libc.",
    },
    {
      title: "gcompat",
      detail: "apk add gcompat libstdc++: helps with simple programs only.",
      workaround: true,
    },
  ],
  references: ["https://github.com/gliderlabs/docker-alpine/issues/12"],
  bad: [
    "$ docker run --rm alpine:3.20 /app/tool\nbash: /app/tool: cannot execute: required file not found",
    "web-1      | /gems/nokogiri-1.13.3-aarch64-linux/lib/nokogiri/extension.rb:7:in `require_relative': Error loading shared library ld-linux-aarch64.so.1: No such file or directory (needed by /gems/nokogiri/nokogiri.so) (LoadError)",

    "Error relocating /usr/local/bin/tool: __memcpy_chk: symbol not found",
    "/usr/local/bin/tool: error while loading shared libraries: libc.musl-x86_64.so.1: cannot open shared object file: No such file or directory",
  ],
  good: [
    "/bin/sh: line 1: /app/run.sh: cannot execute: required file not found",

    "/app/tool: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file or directory",
  ],
};
