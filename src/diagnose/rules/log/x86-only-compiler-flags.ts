import type { LogRule } from "../../log/log-rule.ts";

const x86Flag =
  "-m(?:64|32|sse\\S{0,4}|ssse3|avx\\S{0,14}|fma|bmi2?|popcnt|pclmul|aes|f16c|3dnow|mmx|cx16|lzcnt|rdrnd|fpmath\\S{0,8}|no-red-zone|cmodel=medium|stackrealign|adx|sha|xsave|tune=(?:haswell|skylake|core2|k8|generic64|intel|znver\\d)|arch=(?:x86-64\\S{0,3}|haswell|skylake\\S{0,8}|core2|corei7|k8|sandybridge|ivybridge|broadwell|nehalem|westmere|znver\\d|i[3-6]86))";

export const rule: LogRule = {
  code: "x86-only-compiler-flags",
  title: "The compiler is given flags that only x86 knows",
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
    { line: /unsupported option '-m(?:sse|avx|64|32|fma|bmi|popcnt)/i, score: 90 },
  ],
  above: [
    "source-not-portable-to-arch",
    "python-no-wheel-source-build-failed",
    "generic-user-error",
    "cross-toolchain-incomplete",
  ],
  why: "Options such as -m64, -msse4.2, -mavx2 or -march=x86-64-v2 are parts of x86; compilers for ARM and others don't know them.",
  fixes: [
    {
      title: "Set them only for x86",
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
    "clang: error: argument unused during compilation: '-mavx2' [-Werror,-Wunused-command-line-argument]",

    "#9 [linux/arm64 build 5/6] RUN make\n#9 1.0 g++: error: unrecognized command-line option '-msse4.2'\n#9 1.0 make: *** [Makefile:12: main.o] Error 1",
  ],
  good: ["gcc: error: unrecognized command-line option '-Wfoo'"],
};
