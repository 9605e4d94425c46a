import type { LogRule } from "./log/log-rule.ts";
import { rule as dotnetUnderQemu } from "./rules/log/dotnet-under-qemu.ts";
import { rule as execFormatErrorNoEmulation } from "./rules/log/exec-format-error-no-emulation.ts";
import { rule as noMatchForPlatformInManifest } from "./rules/log/no-match-for-platform-in-manifest.ts";
import { rule as noSpaceLeft } from "./rules/log/no-space-left.ts";
import { rule as outOfMemoryNative } from "./rules/log/out-of-memory-native.ts";
import { rule as qemuSigabrtSignal6 } from "./rules/log/qemu-sigabrt-signal-6.ts";
import { rule as qemuSigillSignal4 } from "./rules/log/qemu-sigill-signal-4.ts";
import { rule as qemuSigsegvSignal11 } from "./rules/log/qemu-sigsegv-signal-11.ts";
import { rule as qemuSigtrapSignal5 } from "./rules/log/qemu-sigtrap-signal-5.ts";

/** Every fault that `explain` knows. To add one, add its file to rules/log/ and name it here; a test compares the two. */
export const logRules: readonly LogRule[] = [
  dotnetUnderQemu,
  execFormatErrorNoEmulation,
  noMatchForPlatformInManifest,
  noSpaceLeft,
  outOfMemoryNative,
  qemuSigabrtSignal6,
  qemuSigillSignal4,
  qemuSigsegvSignal11,
  qemuSigtrapSignal5,
];
