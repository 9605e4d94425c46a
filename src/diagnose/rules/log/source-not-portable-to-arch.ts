import type { LogLine } from "../../log/log-line.ts";
import type { LogRule } from "../../log/log-rule.ts";
import { cameThrough, cpuOf, type LogView, platformOf } from "../../log/log-view.ts";

const unsigned = /^(?:arm|arm64|ppc64le|s390x|riscv64)$/;
const unsignedTarget =
  /--target[= ](?:aarch64|armv?\w*|riscv64\w*|powerpc64le|s390x)-|GOARCH=(?:arm|ppc64le|s390x|riscv64)/;

/** Whether plain char is unsigned where this was compiled for: Linux on all but x86. */
function isUnsignedChar(log: LogView, { step = log.failed }: LogLine): boolean {
  const command = step?.command;
  if (
    command === undefined
      ? log.commands.some((text) => unsignedTarget.test(text))
      : unsignedTarget.test(command)
  )
    return true;
  if (step?.platform === undefined && command !== undefined && cameThrough(log, command, "linux/amd64"))
    return true;
  return unsigned.test(cpuOf(platformOf(log, step)) ?? log.hostCpu ?? "");
}

/** An i8 where an u8 is wanted or the other way round, in Rust and Go: what C's char is there. */
const otherChar =
  /expected (?:raw pointer )?`\*(?:const|mut) [iu]8`|expected `(?:Option<)?(?:\*(?:const|mut) )?[iu]8>?`, found `(?:Option<)?(?:\*(?:const|mut) )?[iu]8>?`/;

export const rule: LogRule = {
  code: "source-not-portable-to-arch",
  title: "The source uses something that this CPU (or its port of the library) doesn't have",
  architecture: true,
  patterns: [
    // The toolchain's own library lacks something for the target.
    { line: /(?:\/usr\/(?:local|lib)\/go\S{0,12}|\$GOROOT)\/src\/\S{1,120}: undefined: /, score: 90 },
    { line: /undefined: (?:syscall|unix)\.\w{1,40}/, score: 90 },
    {
      line: /build constraints exclude all Go files|missing function body|relocation target \S{1,80} not defined/i,
      score: 78,
      confidence: "likely",
    },
    {
      line: /(?:[exipw]mmintrin|immintrin|x86intrin|cpuid|nmmintrin|avx\w*intrin|sys\/io|asm\/prctl|arm_neon|arm_acle)\.h['"’]?:? (?:No such file|file not found)/i,
      score: 90,
    },
    {
      line: /#error .{0,80}(?:architecture|arch|platform|processor|CPU|endian|SSE|AVX)|(?:unsupported|unknown|unrecognized|not supported on this) (?:target )?(?:architecture|processor|cpu type|machine type)/i,
      nearNot: /exec format|manifest|\.deb|ld: unknown/,
      score: 76,
      confidence: "likely",
    },
    {
      line: /impossible constraint in ['‘`"]?asm|unknown register name|inconsistent operand constraints|invalid output constraint '=a'|(?<!trap )(?:unknown|unrecognized|invalid|no such) (?:mnemonic|instruction|opcode)|(?:selected )?processor does not support/i,
      nearNot: /runtime\/cgo|gcc_(?:arm64|amd64|arm)\.S|[Dd]ockerfile/,
      score: 80,
    },
    {
      line: /unresolved import `?(?:std|core)::arch::x86|no `?(?:AtomicU64|AtomicI64)`? in `?(?:sync::atomic|std|core)|cannot find (?:type|struct|function) `?(?:AtomicU64|_mm\w+)|could not find `?x86_64`? in `?arch/i,
      score: 90,
    },
    // Scripts of autoconf that are older than the CPU.
    {
      line: /(?:config\.guess: |^)unable to guess system type|cannot guess build type; you must specify|machine [`'‘](?:aarch64|arm64|riscv64|powerpc64le|ppc64le|s390x|loongarch64)\S{0,24}['’] not recognized/,
      score: 84,
    },
    // Plain char is unsigned on ARM, POWER, z and RISC-V.
    {
      line: /comparison is always (?:true|false) due to limited range of data type|comparison of constant -\d+ with expression of type 'char'|result of comparison of constant -1 .{0,60}'char'|narrowing conversion of .{0,60}['‘]char['’]|non-constant-expression cannot be narrowed .{0,40}'char'|conversion from 'int' to 'char' changes value from '-\d+'|case label value is less than minimum value for type/,
      check: isUnsignedChar,
      score: 74,
      confidence: "likely",
    },
    { line: otherChar, near: /\bc_char\b|CStr(?:ing)?\b|C\.char|\bffi::/, check: isUnsignedChar, score: 86 },
    { line: otherChar, check: isUnsignedChar, score: 72, confidence: "likely" },
    {
      // Also where nothing tells the CPU: the alias differs between CPUs, nothing else does.
      line: /type `?(?:core::ffi::|std::ffi::|std::os::raw::|libc::)?c_char`? \{?aka|expected .{0,40}\bc_char\b.{0,80}found `?\*?(?:const |mut )?[iu]8/,
      near: /expected `?\*?(?:const |mut )?[iu]8|mismatched types/,
      score: 70,
      confidence: "likely",
    },
    {
      line: /cannot use .{1,200}(?:\[\d{1,4}\]|\*|\[\]|type )u?int8\b.{0,80} as (?:\[\d{1,4}\]|\*|\[\])?u?int8\b|cannot use .{1,200}_Ctype_(?:schar|uchar|char)\b.{0,80} as \*?(?:u?int8|_Ctype_\w?char)\b/,
      near: /\.go:\d+/,
      check: isUnsignedChar,
      score: 76,
      confidence: "likely",
    },
    {
      line: /undefined reference to [`'‘]?(?:__atomic_\w+|__sync_\w+|_mm_\w+|__cpu_model|__builtin_ia32\w+)/,
      score: 84,
    },
    {
      line: /__builtin_ia32\w+|implicit declaration of function ['‘`](?:__rdtsc|__cpuid\w*|_mm_\w+|_xgetbv|__get_cpuid\w*)|is_(?:x86|aarch64|arm)_feature_detected|'_mm\d{0,3}_\w+' was not declared|use of undeclared identifier '_mm|_mm_\w{1,40}.{0,40}implicit declaration/,
      score: 88,
    },
    {
      line: /(?:cannot use|constant|overflows|mismatched types|cannot convert).{0,160}(?:overflows int\b|int32|int64|uintptr|syscall\.\w+|unix\.\w+|Timespec|Timeval|Stat_t)/,
      emulation: "likely",
      near: /\.go:\d+/,
      score: 74,
      confidence: "likely",
    },
    {
      line: /constant \d{10,20} overflows int\b|\(untyped int constant \d{10,20}\) (?:overflows int|as int value .{0,60}\(overflows\))/,
      score: 84,
    },
    {
      line: /expected `?(?:u8|i8|u32|u64|i32|i64)`?, found `?(?:u8|i8|u32|u64|i32|i64)`?/,
      emulation: "likely",
      score: 70,
      confidence: "likely",
    },
  ],
  above: ["generic-user-error"],
  why: "System calls, intrinsics, assembler and atomics differ between CPUs: arm64 Linux has no dup2, open or fork system call; SSE and AVX are x86; char is unsigned on ARM. The code was written on one CPU and not tried on this one.",
  fixes: [
    {
      title: "Update the dependency or the toolchain",
      detail:
        "Most projects have fixed it for arm64; look in its change log. For Go: go get -u MODULE; syscall.Dup2 becomes unix.Dup3 (golang.org/x/sys).",
    },
    {
      title: "Patch the source",
      detail:
        "Guard by the target: #if defined(__x86_64__), //go:build amd64, #[cfg(target_arch)]; portable SIMD through SIMDe or the compiler's builtins.",
    },
  ],
  references: ["https://github.com/containers/toolbox/pull/486"],
  bad: [
    "#20 [linux/amd64 build 5/5] RUN cargo build --release\n#20 DONE 40.0s\n#21 [linux/arm64 build 5/5] RUN cargo build --release\n#21 90.0 error[E0308]: mismatched types\n#21 90.0   --> src/name.rs:14:31\n#21 90.0    |\n#21 90.0 14 |     let raw: *mut i8 = text.into_raw();\n#21 90.0    |              -------   ^^^^^^^^^^^^^^^ expected `*mut i8`, found `*mut u8`\n#21 90.0    |\n#21 90.0    = note: expected raw pointer `*mut i8`\n#21 90.0               found raw pointer `*mut u8`",
    "#9 [linux/arm64 build 4/4] RUN go build ./...\n#9 9.0 ./uname.go:21:17: cannot use uts.Machine (variable of type [65]uint8) as [65]int8 value in argument to text",
    "#9 [linux/s390x 4/4] RUN make\n#9 9.0 lex.cpp:8:14: error: narrowing conversion of '-1' from 'int' to 'char' [-Wnarrowing]",
    "configure: error: cannot guess build type; you must specify one\nconfig/config.guess: unable to guess system type",
    "#13 [linux/arm64 build 5/6] RUN make\n#13 4.0 ./foo.c:12:5: error: implicit declaration of function '__rdtsc' [-Werror=implicit-function-declaration]",

    "#17 [linux/arm64 build 5/5] RUN make\n#17 3.0 scan.c:8:14: error: comparison is always false due to limited range of data type [-Werror=type-limits]",
    "src/clock.cpp:3:10: fatal error: 'x86intrin.h' file not found",
    "#10 [linux/arm64 build 5/6] RUN go build ./...\n#10 14.0 main/stderr_linux.go:12:9: undefined: syscall.Dup2",
    "src/hash.c:4:10: fatal error: emmintrin.h: No such file or directory",
  ],
  good: [
    "./main.go:12:9: undefined: parseConfg",
    "#20 [linux/amd64 build 5/5] RUN cargo build\n#20 9.0 error[E0308]: mismatched types\n#20 9.0   --> src/a.rs:4:9\n#20 9.0    = note: expected raw pointer `*const i8`\n#20 9.0               found raw pointer `*const u8`",
    "#21 [linux/arm64 build 5/5] RUN cargo build\n#21 9.0 error[E0308]: mismatched types\n#21 9.0  --> src/a.rs:4:9\n#21 9.0    = note: expected struct `String`\n#21 9.0               found reference `&str`",
  ],
};
