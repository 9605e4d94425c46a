import type { DockerfileRule, Severity } from "../../dockerfile/rule.ts";
import { type Text, textsOf } from "../../dockerfile/texts.ts";
import { reachesImage } from "../../dockerfile/shipped.ts";

const native = /-m(?:arch|tune|cpu)=native\b|target-cpu=native\b|(?:^|[\s=])-xHost\b/;
const x86 =
  /(?:^|[\s='"])-m(?:arch=(?:x86-64|haswell|skylake|broadwell|nehalem|westmere|sandybridge|ivybridge|znver|core|corei7|atom|i[3-6]86|pentium|k8|amdfam|icelake|cascadelake)[\w-]*|avx(?:2|512\w*)?\b|sse[\d.]*\b|ssse3\b|fma\b|bmi2?\b|aes\b|pclmul\b|popcnt\b|3dnow\b|mmx\b|fpmath=sse|m?tune=haswell|32\b|x32\b|lzcnt\b|f16c\b|rdrnd\b|sha\b)|target-cpu=(?:x86-64|haswell|skylake|znver|nehalem|broadwell|icelake)[\w-]*|target-feature=[^\s]*\+(?:avx|sse|bmi|fma|aes|pclmul|popcnt)/;
const arm =
  /(?:^|[\s='"])-m(?:arch=(?:armv[78]|native\+crypto)[\w.+-]*|cpu=(?:cortex|neoverse|apple|ampere)[\w.+-]*|fpu=\w+|float-abi=\w+|thumb\b)|target-cpu=(?:cortex|neoverse|apple)[\w-]*/;

export const rule: DockerfileRule = {
  id: "march-flags",
  severity: "error",
  title: "Compiler options bind the program to one CPU family",
  why: "Compilers for other CPUs don't know the switch and stop; -march=native makes a program for the machine that built it, which may fail with an illegal instruction elsewhere.",
  fix: "Set them for amd64 only, with a stated baseline, and prefer detection at run time.",
  bad: [
    "FROM gcc:13\nRUN gcc -O2 -mavx2 -o /app main.c\n",
    'FROM gcc:13\nENV CFLAGS="-O3 -march=native"\nRUN make\n',
    'FROM rust:1.79\nRUN RUSTFLAGS="-C target-cpu=native" cargo build --release\n',
  ],
  good: [
    "FROM gcc:13\nRUN gcc -O2 -o /app main.c\n",
    'FROM gcc:13\nRUN if [ "$(uname -m)" = x86_64 ]; then F=-mavx2; fi; gcc -O2 $F -o /app main.c\n',
  ],
  mentions: /-m[a-z\d]|-cpu=|-feature=|-xHost/,
  check(model, report) {
    for (const text of textsOf(model)) {
      const severity = severityOf(text);
      if (severity === undefined || !reachesImage(model, text.place.facts.index)) continue;
      if (/^(?:echo|printf|sed|grep|perl)$/.test(text.use?.program ?? "") && !native.test(text.text))
        continue;
      if (text.use?.program === "sed" || isBareMetal(text.use?.program ?? "")) continue;
      report({
        line: text.line,
        severity,
        message: `${text.text.slice(0, 80)} holds for one CPU family only.`,
      });
    }
  },
};

/** A compiler for chips without a system: what it makes is not for the image's CPU. */
function isBareMetal(program: string): boolean {
  return /^(?:arm|aarch64|riscv\d+|xtensa|avr)(?:-[\w]+)?-(?:e(?:abi|lf)\w*|none\S*)-|^avr-|-w64-mingw/.test(
    program,
  );
}

function severityOf({ text, place }: Text): Severity | undefined {
  if (!/-m|-cpu=|-feature=|-xHost/.test(text)) return undefined;
  if (native.test(text)) return "warning";
  const { architecture } = place.stage.platform;
  if (architecture !== "amd64" && architecture !== "386" && x86.test(text)) return "error";
  return architecture !== "arm" && architecture !== "arm64" && arm.test(text) ? "error" : undefined;
}
