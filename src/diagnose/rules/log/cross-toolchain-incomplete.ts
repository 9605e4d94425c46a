import type { LogLine } from "../../log/log-line.ts";
import type { LogView } from "../../log/log-view.ts";
import { isOwnCompiler } from "../../log/multiarch-triplet.ts";
import type { LogRule } from "../../log/log-rule.ts";

const cross =
  "(?:aarch64|arm64|arm|armv[67]\\w*|x86_64|i686|riscv64|powerpc64le|s390x|mips\\w*)-(?:\\w+-)?linux-(?:gnu|musl)\\w{0,6}";

/** Python's build takes the compiler that Python was made with, which on Debian bears a triplet. */
function isCross(log: LogView, line: LogLine): boolean {
  return !(/command '|unable to execute/.test(line.text) && isOwnCompiler(log, line));
}

/** What openssl-sys and others print of the machine that builds and of the one that is built for. */
function isForAnother(log: LogView): boolean {
  const host = told(log, /\$?HOST(?: =|:) (\w+)/);
  const target = told(log, /\$?TARGET(?: =|:) (\w+)/);
  return host !== undefined && target !== undefined && host !== target;
}

function told(log: LogView, pattern: RegExp): string | undefined {
  for (const { text } of log.lines) {
    const [, found] = pattern.exec(text) ?? [];
    if (found !== undefined) return found;
  }
  return undefined;
}

export const rule: LogRule = {
  code: "cross-toolchain-incomplete",
  title: "The cross toolchain lacks a part: the C compiler, headers or libc of the target",
  architecture: true,
  patterns: [
    {
      line: new RegExp(
        `${cross}-(?:gcc|g\\+\\+|cc|c\\+\\+|ar|strip|ranlib|clang|objcopy|ld|pkg-config)\\S{0,6}["'\`’]?:? ?.{0,60}(?:not found|No such file|not installed|does not exist)`,
      ),
      check: isCross,
      score: 90,
    },
    {
      line: new RegExp(
        `(?:failed to find tool|not found|No such file|exec:|unable to find|Is [\`"']?|command not found).{0,60}${cross}-(?:gcc|g\\+\\+|cc|ar|ranlib|strip)`,
        "i",
      ),
      score: 90,
    },
    {
      line: /(?:cannot (?:find|open)|no such file.{0,10}|unable to find library) (?:\S{0,80}\/)?(?:[S]?crt1\.o|crti\.o|crtbegin\S{0,2}\.o|-lgcc(?:_s|_eh)?|-lc\b|libc\.so\.6|libgcc|libclang_rt\.builtins)/i,
      score: 86,
    },
    {
      line: /(?:gnu\/stubs-\S{1,12}|bits\/\S{1,40}|sys\/(?:cdefs|types|stat|time|param)|asm\/\w{1,30}|linux\/types|features|std(?:lib|io|int|def|arg|bool|atomic)|inttypes|limits|float|math|ctype|wchar|locale|time|signal|setjmp|unistd|fcntl|pthread|string|assert|errno)\.h(?:'|"|’)?:? (?:file not found|No such file)|fatal error: '?(?:iostream|vector|string|memory|algorithm|c(?:stddef|stdint|stdlib|stdio|string|math)|type_traits|initializer_list|bits\/c\+\+config\.h)'?:? (?:file not found|No such file)/,
      log: new RegExp(
        `${cross}|--target|zig cc|cross|GOARCH=|-arch arm64|(?:aarch64|armv7\\w*|riscv64gc|powerpc64le|s390x)-unknown-linux`,
      ),
      nearNot: /gyp|Failed building wheel|setup\.py/,
      score: 85,
    },
    {
      line: /is not a full path (?:and was not found|to an existing compiler)/,
      near: new RegExp(`${cross}-(?:gcc|g\\+\\+|cc|c\\+\\+|clang)`),
      score: 88,
    },
    {
      line: /pkg-config has not been configured to support cross-compilation|PKG_CONFIG_(?:SYSROOT_DIR|ALLOW_CROSS)/,
      score: 90,
    },
    {
      line: /C compiler cannot create executables|cannot run C(?:\+\+)? compiled programs|C compiler .{0,80}is not able to compile a simple test program/,
      log: new RegExp(`${cross}|--host=|CMAKE_TOOLCHAIN`),
      score: 78,
      confidence: "likely",
    },
    {
      line: /exec: "(?:\S{0,60}-)?(?:gcc|clang|g\+\+|cc|zig)": executable file not found/,
      command: /GOARCH|CC=|TARGETARCH|CGO_ENABLED=1/,
      score: 80,
      confidence: "likely",
    },
    {
      line: /Could not find directory of OpenSSL installation|Could not find openssl via pkg-config|could not find native static library/i,
      check: isForAnother,
      score: 86,
    },
    { line: new RegExp(`C compiler "?${cross}-\\S{1,10}"? not found`), score: 92 },
  ],
  above: ["generic-user-error", "python-no-wheel-source-build-failed"],
  why: "Cross-compiling takes more than a linker: the target's C compiler, its libc and its headers have to be there too. The build found only some of them.",
  fixes: [
    {
      title: "Install the target's libc development files and compiler",
      detail:
        "Debian, Ubuntu: apt-get install -y gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross; libraries with dpkg --add-architecture arm64 and libssl-dev:arm64 (PKG_CONFIG_ALLOW_CROSS=1, PKG_CONFIG_PATH=/usr/lib/aarch64-linux-gnu/pkgconfig).",
    },
    {
      title: "Use a complete toolchain",
      detail: "tonistiigi/xx in Dockerfiles (xx-apt install, xx-clang), zig cc, cross.",
    },
    { title: "Or build on a machine of the target's CPU", detail: "There the ordinary packages do." },
  ],
  references: ["https://github.com/cross-rs/cross/issues/710"],
  bad: [
    'warning: libfoo-sys@0.3.1: src/foo.c:3:10: fatal error: limits.h: No such file or directory\nerror: failed to run custom build command for `libfoo-sys v0.3.1`\n  running: "clang" "-O2" "--target=aarch64-unknown-linux-musl" "-c" "src/foo.c"',
    "#9 [linux/amd64->arm64 build 4/5] RUN clang++ --target=aarch64-linux-gnu -c a.cc\n#9 0.4 a.cc:1:10: fatal error: 'cstddef' file not found",
    "$ clang --target=riscv64-linux-gnu hello.c\nld.lld: error: cannot open crt1.o: No such file or directory\nld.lld: error: unable to find library -lgcc",
    "  Could not find directory of OpenSSL installation, and this `-sys` crate cannot\n  proceed without this knowledge.\n  $HOST = x86_64-unknown-linux-gnu\n  $TARGET = aarch64-unknown-linux-gnu",

    "#6 2.1   The CMAKE_C_COMPILER:\n#6 2.1     aarch64-linux-gnu-gcc\n#6 2.1   is not a full path and was not found in the PATH.",
    'error: failed to run custom build command for `ring v0.17.8`\n  error occurred in cc-rs: failed to find tool "aarch64-linux-musl-gcc": No such file or directory (os error 2)',
    "/usr/lib/gcc-cross/aarch64-linux-gnu/12/../../../../aarch64-linux-gnu/bin/ld: cannot find crt1.o: No such file or directory",
  ],
  good: [
    "  Could not find directory of OpenSSL installation, and this `-sys` crate cannot\n  proceed without this knowledge.\n  $HOST = aarch64-unknown-linux-gnu\n  $TARGET = aarch64-unknown-linux-gnu",
    "/app/main.c:3:10: fatal error: foo.h: No such file or directory",
    "#7 [build 3/4] RUN gcc -c main.c\n#7 0.3 main.c:1:10: fatal error: limits.h: No such file or directory",
    "$ clang --target=aarch64-linux-gnu -c a.c\na.c:2:10: fatal error: 'proj/limits_of_ours.h' file not found",
  ],
};
