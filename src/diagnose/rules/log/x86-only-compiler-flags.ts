import type { LogRule } from "../../log/log-rule.ts";

const x86Flag =
  "-m(?:64|32|sse\\S{0,4}|ssse3|avx\\S{0,14}|fma|bmi2?|popcnt|pclmul|aes|f16c|3dnow|mmx|cx16|lzcnt|rdrnd|fpmath\\S{0,8}|no-red-zone|cmodel=medium|stackrealign|adx|sha|xsave|tune=(?:haswell|skylake|core2|k8|generic64|intel|znver\\d)|arch=(?:x86-64\\S{0,3}|haswell|skylake\\S{0,8}|core2|corei7|k8|sandybridge|ivybridge|broadwell|nehalem|westmere|znver\\d|i[3-6]86))";

/** Of ARM, POWER and z, handed to a compiler for another CPU. */
const otherFlag =
  "-m(?:fpu=\\S{1,20}|float-abi=\\S{1,8}|thumb\\b|cpu=(?:cortex-\\S{1,8}|neoverse-\\S{1,8}|apple-\\S{1,8}|power\\d\\S{0,4})|arch=(?:armv\\d\\S{0,20}|rv(?:32|64)\\S{1,20}|z1\\d)|altivec|vsx|zarch)";

const x86Cpu =
  "(?:x86[-_]64\\S{0,4}|haswell|skylake\\S{0,8}|icelake\\S{0,8}|core2|corei7\\S{0,5}|k8|sandybridge|ivybridge|znver\\d|nehalem|westmere|broadwell|core-avx\\S{0,2}|i[3-6]86)";

/** Says that a compiler for any target doesn't know what it is given, whatever it was. */
const forAnother =
  /unsupported option '-m(?!macos|ios|windows|threads|dynamic)[\w.+=-]{1,40}' for target '|unrecognized command-line option '-march=\S{1,30}'; did you mean '-mcpu=/;

export const rule: LogRule = {
  code: "x86-only-compiler-flags",
  title: "The compiler is given flags of another CPU, mostly those of x86",
  architecture: true,
  patterns: [
    {
      line: new RegExp(
        `(?:unrecognized|unsupported|unknown|invalid|(?:not|n't) support(?:ed)?).{0,60}['"\`‘\u201c]?${x86Flag}`,
        "i",
      ),
      score: 90,
    },
    {
      line: new RegExp(
        `['"\`‘\u201c]${x86Flag}['"\`’\u201d].{0,60}(?:unrecognized|unsupported|unknown|invalid|not supported|not allowed)`,
        "i",
      ),
      score: 90,
    },
    {
      line: /unknown (?:value|architecture|target CPU|architectural extension).{0,30}['"`‘](?:x86-64\S{0,3}|haswell|skylake\S{0,8}|core2|corei7|k8|sandybridge|ivybridge|znver\d|nehalem|westmere|broadwell|core-avx\S{0,2}|i[3-6]86)['"`’]/i,
      score: 88,
    },
    {
      line: /(?:bad value|valid arguments to|invalid feature modifier).{0,60}-m(?:arch|tune|cpu)/i,
      near: /x86-64|haswell|skylake|core2|corei7|znver|nehalem/,
      score: 84,
    },
    { line: new RegExp(`argument unused during compilation: '${x86Flag}'.{0,20}-Werror`), score: 88 },
    { line: forAnother, score: 90 },
    {
      line: new RegExp(
        `(?:unrecognized|unsupported|unknown|invalid|not support).{0,60}['"\`‘\u201c]?${otherFlag}`,
        "i",
      ),
      score: 86,
    },
    {
      line: new RegExp(
        `(?:unsupported argument|invalid value|unrecognized argument|argument).{0,20}['"\`‘]${x86Cpu}['"\`’].{0,40}-m(?:arch|cpu|tune)|-m(?:arch|cpu|tune)=?['’]? target: ${x86Cpu}`,
        "i",
      ),
      score: 88,
    },
    {
      // LLVM, also under rustc; for a feature (+avx2) as well as for a CPU.
      line: new RegExp(
        `['"\`](?:${x86Cpu}|[+-](?:avx\\S{0,10}|sse\\S{0,5}|ssse3|fma|bmi2?|popcnt|aes|pclmul\\S{0,4}))['"\`] is not a recognized (?:processor|feature) for this target`,
      ),
      score: 86,
    },
    {
      line: /the (?:target )?feature(?: named)? [`'"](?:avx\w{0,10}|sse[\w.]{0,5}|ssse3|fma|bmi[12]?|popcnt|pclmulqdq)[`'"] is not (?:valid for|supported (?:on|by)) (?:this|the current) target/,
      score: 88,
    },
    { line: /unknown option '[/-]arch:(?:AVX|SSE)\w{0,8}'/i, score: 84 },
  ],
  above: [
    "source-not-portable-to-arch",
    "python-no-wheel-source-build-failed",
    "generic-user-error",
    "cross-toolchain-incomplete",
  ],
  why: "Options such as -m64, -msse4.2, -mavx2 or -march=x86-64-v2 are parts of x86, -mfpu=neon is of 32-bit ARM; compilers for other CPUs don't know them, and for POWER even -march is called -mcpu.",
  fixes: [
    {
      title: "Set them only for the CPU that has them",
      detail:
        'CMake: if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64") add_compile_options(-mavx2) endif()\nMake: ifeq ($(shell uname -m),x86_64)\nIn a Dockerfile: RUN [ "$TARGETARCH" = amd64 ] && export CFLAGS=-mavx2; make',
    },
    {
      title: "Look for a switch or a newer version of the project",
      detail: "Many have one: -DUSE_SSE=OFF, --disable-simd, NO_AVX=1.",
    },
  ],
  references: [],
  bad: [
    "clang: error: unsupported option '-march=' for target 'powerpc64le-unknown-linux-gnu'\nmake: *** [Makefile:9: crc.o] Error 1",
    "clang: error: unsupported argument 'x86-64-v3' to option '-march='",
    "error: unknown target CPU 'skylake-avx512'\nnote: valid target CPU values are: cortex-a53, generic",
    "cc1: error: unrecognized '-march' target: x86-64-v2",
    "g++: error: unrecognized command-line option '-march=native'; did you mean '-mcpu=native'?",
    "gcc: error: unrecognized command-line option '-mfpu=neon'\nmake: *** [Makefile:4: a.o] Error 1",
    "error: the feature named `avx2` is not valid for this target\n --> src/simd.rs:4:18",
    "gcc: Fehler: nicht erkannte Kommandozeilenoption »-mavx2«",
    "clang: error: argument unused during compilation: '-mavx2' [-Werror,-Wunused-command-line-argument]",

    "#9 [linux/arm64 build 5/6] RUN make\n#9 1.0 g++: error: unrecognized command-line option '-msse4.2'\n#9 1.0 make: *** [Makefile:12: main.o] Error 1",
  ],
  good: [
    "gcc: error: unrecognized command-line option '-Wfoo'",
    "clang: error: unsupported option '-fsanitize=thread' for target 'aarch64-unknown-linux-musl'",
    "clang: error: unsupported option '-mmacosx-version-min=11' for target 'x86_64-unknown-linux-gnu'",
  ],
};
