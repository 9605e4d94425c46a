import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "go-lfstack-under-qemu",
  title: "An amd64 Go program aborted under QEMU on an ARM host: addresses are too wide (lfstack.push)",
  architecture: true,
  emulated: true,
  stage: "go",
  patterns: [
    {
      line: /lfstack\.push|lfstack.{0,10}invalid packing|taggedPointerPack|invalid packing: node=/,
      score: 98,
    },
  ],
  above: ["go-runtime-crash-under-qemu", "qemu-sigsegv-signal-11", "qemu-sigabrt-signal-6"],
  why: "Go packs a pointer and a counter into 64 bits and assumes 48-bit addresses on amd64. QEMU on a 64-bit ARM host hands out higher ones, and Go's check aborts the program. No setting of the program changes that.",
  fixes: [
    {
      title: "Use the program for this machine's own CPU",
      detail:
        "The arm64 build of the tool, or the image for linux/arm64. For a build of your own: FROM --platform=$BUILDPLATFORM golang:1.24 AS build, GOARCH=$TARGETARCH.",
    },
    { ...nativeNode, title: "Build the amd64 platform on an amd64 machine" },
    {
      title: "On a Mac: Rosetta instead of QEMU",
      detail: "Docker Desktop, Settings: Use Rosetta for x86_64/amd64 emulation.",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/tonistiigi/binfmt/issues/269",
    "https://github.com/golang/go/issues/69255",
  ],
  bad: [
    "runtime: lfstack.push invalid packing: node=0xffff6f446a80 cnt=0x1 packed=0xffff6f446a800001 -> node=0xffffffff6f446a80\nfatal error: lfstack.push",
  ],
  good: ["fatal error: all goroutines are asleep - deadlock!"],
};
