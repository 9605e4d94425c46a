import { nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const go =
  /\b(?:go (?:build|install|test|run|mod|get|vet|generate|version|env|list|tool)|make|mage|goreleaser|xcaddy|ko)\b/;

export const rule: LogRule = {
  code: "go-runtime-crash-under-qemu",
  title: "The Go tool (or a Go program) died of a fault in its runtime under QEMU",
  architecture: true,
  emulated: true,
  stage: "go",
  patterns: [
    {
      line: /uncaught target signal (?:4|5|6|7|11)\b/,
      command:
        /\bgo (?:build|install|test|run|mod|get|vet|generate|version|env|list|tool)\b|goreleaser|xcaddy/,
      score: 90,
    },
    {
      line: /unexpected return pc for|fatal error: (?:unexpected signal|malloc|sweep|unknown (?:caller pc|return pc)|found (?:bad )?pointer|runtime: |schedule|bad |casgstatus|acquirep|runqput|newproc|workbuf|traceback|fault|gc|s\.allocCount|mheap|exitsyscall|self deadlock)|runtime: (?:bad|pointer|marked|unexpected|gp=|mcall)|SIGSEGV: segmentation violation|SIGILL: illegal instruction|signal arrived during/i,
      near: /goroutine|runtime\.|\.go:\d+|runtime stack/,
      nearNot: /nil pointer dereference|--- FAIL|index out of range|concurrent map/,
      emulation: "likely",
      score: 88,
    },
    {
      line: /(?:compile|asm|link|cgo|vet|go): signal: (?:segmentation fault|illegal instruction|aborted|bus error|trace)|compile: .{0,60}(?:fatal error|internal compiler error|signal(?!: killed))/i,
      emulation: "likely",
      score: 88,
    },
    {
      line: /\bgo(?: build \S{1,80})?: .{0,120}signal: (?:segmentation fault|illegal instruction|aborted)/i,
      emulation: "likely",
      score: 88,
    },
    {
      line: /Segmentation fault|Illegal instruction|exit code: (?:139|132|134)\b|non-zero code: (?:139|132|134)\b/i,
      command: /\bgo (?:build|install|test|run|mod|get|vet|generate|version)\b/,
      emulation: "likely",
      score: 86,
    },
    {
      line: /^runtime: failed to create new OS thread|^fatal error: (?:newosproc|lfstack|runtime)|^runtime: (?:epollcreate|epollctl|mmap|munmap)\S{0,20} failed/,
      emulation: "likely",
      score: 88,
    },
    {
      line: /runtime: (?:failed to create new OS thread|epollwait|program exceeds|signal)|fatal error: runtime\S*|runtime·/i,
      command: go,
      emulation: "shown",
      score: 84,
    },
    {
      line: /fatal error: (?!all goroutines|concurrent|stack overflow)\S+/,
      near: /goroutine \d+ \[|runtime stack/,
      emulation: "shown",
      score: 76,
      confidence: "likely",
    },
  ],
  above: ["qemu-sigsegv-signal-11", "qemu-sigill-signal-4", "qemu-sigabrt-signal-6", "qemu-sigtrap-signal-5"],
  why: "Go's runtime sends signals to its own threads and relies on exact stack contents; QEMU, mostly for 32-bit ARM, gets these wrong now and then. Go compiles for every CPU from any, so nothing needs to run emulated.",
  fixes: [
    {
      title: "Run the Go stage on the build platform",
      detail:
        "FROM --platform=$BUILDPLATFORM golang:1.24 AS build\nARG TARGETOS TARGETARCH TARGETVARIANT\nRUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} go build -o /app .",
    },
    nativeNode,
    {
      ...pinnedEmulator,
      title: "Another QEMU, or fewer threads",
      detail: `${pinnedEmulator.detail}\nGOMAXPROCS=1 and GODEBUG=asyncpreemptoff=1 make it rarer.`,
    },
  ],
  references: [
    "https://github.com/golang/go/issues/40969",
    "https://github.com/golang/go/issues/46818",
    "https://github.com/golang/go/issues/69255",
  ],
  bad: [
    "#9 [linux/arm64 build 4/5] RUN go mod download\n#9 3.0 runtime: failed to create new OS thread (have 2 already; errno=22)\n#9 3.0 fatal error: newosproc",
    '#9 [linux/arm/v7 build 5/5] RUN go build -o /app .\n#9 30.0 qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n#9 ERROR: process "/bin/sh -c go build -o /app ." did not complete successfully: exit code: 139',
  ],
  good: [
    '#9 [linux/arm64 build 4/5] RUN go test ./...\n#9 3.0 --- FAIL: TestRead (0.00s)\n#9 3.0     read_test.go:9: Read("qemu: uncaught target signal 11") = 0, want 11',
    '#9 [build 5/5] RUN go build -o /app .\n#9 30.0 ./main.go:7:2: undefined: foo\n#9 ERROR: process "/bin/sh -c go build -o /app ." did not complete successfully: exit code: 1',
  ],
};
