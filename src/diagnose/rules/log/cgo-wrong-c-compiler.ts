import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "cgo-wrong-c-compiler",
  title: "cgo calls a C compiler of another CPU than GOARCH asks for",
  architecture: true,
  stage: "go",
  patterns: [
    {
      line: /runtime\/cgo: (?:\S{0,40}-)?(?:gcc|clang|cc): exit status/,
      command: /GOARCH=/,
      score: 89,
      confidence: "likely",
    },
    {
      line: /(?:unrecognized|unsupported|unknown).{0,60}-m(?:64|32|arm|thumb|fpu|float-abi|arch)/i,
      near: /runtime\/cgo|# \S{0,80}(?:cgo|sqlite3|net|os\/user)\b|cgo:/i,
      score: 97,
    },
    {
      line: /unrecognized command[- ]line option ['"‘`]?-m(?:64|32|arm)/i,
      command: /\bgo (?:build|install|test|run|get|vet)|GOARCH/,
      score: 96,
    },
    { line: /unrecognized command[- ]line option ['"‘`]?-marm/i, score: 92 },
    {
      line: /gcc_(?:arm64|amd64|arm|386|s390x|ppc64x|riscv64|linux_\w+)\.S|gcc_(?:arm64|amd64|arm)\.S: Assembler messages/,
      score: 96,
    },
    {
      line: /Error: (?:no such instruction|bad register name|unknown mnemonic|bad instruction|operand \d must be|invalid instruction)/i,
      near: /runtime\/cgo|cgo-gcc|# \S{0,80}cgo/i,
      score: 94,
    },
    {
      line: /Error: (?:no such instruction|bad register name|unknown mnemonic|bad instruction)/i,
      command: /\bgo (?:build|install|test)|GOARCH/,
      score: 88,
    },
    {
      line: /(?:incompatible|file in wrong format|Relocations in generic ELF|unknown architecture).{0,160}/i,
      near: /cgo|\/go-link-|\/go-build/i,
      nearNot: /\.a\(|\.a: |\.so\S*: |vendor\//, // There a library is the foreign one.
      score: 90,
    },
    {
      line: /running (?:gcc|clang|\S{1,40}-gcc) failed: exit status 1/,
      near: /wrong format|incompatible|unrecognized|not recognized|Relocations in generic ELF|error adding symbols|unknown emulation|unrecognised emulation/i,
      nearNot: /\.a\(|\.a: |\.so\S*: |vendor\//,
      score: 90,
    },
  ],
  above: [
    "x86-only-compiler-flags",
    "cross-linker-wrong-arch",
    "source-not-portable-to-arch",
    "gcc-under-qemu",
  ],
  why: "With CGO_ENABLED=1 go hands C code to gcc with options for GOARCH (-m64, -marm). The gcc in the image makes code for its own CPU only and doesn't know them, or assembles for the wrong one.",
  fixes: [
    {
      title: "Set CC to the target's cross compiler",
      detail:
        'FROM --platform=$BUILDPLATFORM golang:1.24 AS build\nRUN apt-get update && apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross\nARG TARGETOS TARGETARCH\nRUN CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .\nor zig: CC="zig cc -target aarch64-linux-musl".',
    },
    {
      title: "Switch cgo off where nothing needs it",
      detail: "CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build: a static program for any CPU.",
    },
    { title: "Or drop the fixed GOARCH", detail: "A stage that runs on the target's own CPU needs none." },
  ],
  references: ["https://github.com/golang/go/issues/16801", "https://github.com/golang/go/issues/47175"],
  bad: [
    "#11 [linux/arm64 build 5/5] RUN GOARCH=amd64 CGO_ENABLED=1 go build -o /app .\n#11 12.0 # runtime/cgo\n#11 12.0 gcc: error: unrecognized command-line option '-m64'\n#11 ERROR: process \"/bin/sh -c GOARCH=amd64 CGO_ENABLED=1 go build -o /app .\" did not complete successfully: exit code: 1",
    "# runtime/cgo\ngcc_arm64.S: Assembler messages:\ngcc_arm64.S:28: Error: no such instruction: `stp x29,x30,[sp,'",
  ],
  good: ['# runtime/cgo\ncgo: C compiler "gcc" not found: exec: "gcc": executable file not found in $PATH'],
};
