import { describe, expect, it } from "vitest";
import type { Placement } from "../../../src/buildkit/dockerfile-plan.ts";
import { afterFailure, isNodeSuspect, type Onward } from "../../../src/buildkit/failover.ts";
import type { ErrorCode } from "../../../src/errors/codes.ts";
import { AnyarchError } from "../../../src/errors/error.ts";

interface Case {
  readonly code: ErrorCode;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly placement?: Placement;
  readonly lost?: boolean;
  readonly tried?: number;
  readonly onward: Onward;
}

const cases: readonly (readonly [string, Case])[] = [
  ["a node that is gone", { code: "BUILDER_LOST", lost: true, onward: "next" }],
  ["any failure of a node that is gone", { code: "NETWORK_ERROR", lost: true, onward: "next" }],
  ["a daemon that was restarted", { code: "BUILDER_LOST", onward: "again" }],
  ["a daemon that is restarted all the time", { code: "BUILDER_LOST", tried: 2, onward: "next" }],
  ["a registry's bad moment", { code: "REGISTRY_ERROR", details: { transient: "503" }, onward: "again" }],
  [
    "a registry's bad day",
    { code: "REGISTRY_ERROR", details: { transient: "503" }, tried: 2, onward: "next" },
  ],
  ["a step that fails natively", { code: "BUILD_FAILED", details: { exitCode: 1 }, onward: "end" }],
  [
    "a step that crashes natively",
    { code: "BUILD_FAILED", details: { exitCode: 139, signal: "SIGSEGV" }, onward: "end" },
  ],
  [
    "a step without memory",
    { code: "BUILD_FAILED", details: { exitCode: 137, signal: "SIGKILL" }, onward: "next" },
  ],
  [
    "a step that fails emulated by its own fault",
    { code: "BUILD_FAILED", details: { exitCode: 1 }, placement: "emulated", onward: "end" },
  ],
  [
    "a step that crashes emulated",
    {
      code: "BUILD_FAILED",
      details: { exitCode: 139, signal: "SIGSEGV" },
      placement: "emulated",
      onward: "unemulated",
    },
  ],
  [
    "a step after an emulator's crash",
    {
      code: "BUILD_FAILED",
      details: { exitCode: 1, emulatorCrash: "qemu: …" },
      placement: "emulated",
      onward: "unemulated",
    },
  ],
  [
    "a step that the rules know for emulation's fault",
    {
      code: "BUILD_FAILED",
      details: { exitCode: 1, diagnoses: [{ architecture: true, confidence: "likely" }] },
      placement: "emulated",
      onward: "unemulated",
    },
  ],
  [
    "a hang after a crash",
    { code: "BUILD_STALLED", details: { watchdog: "crash" }, placement: "emulated", onward: "unemulated" },
  ],
  ["silence", { code: "BUILD_STALLED", details: { watchdog: "silence" }, onward: "next" }],
  ["a native build out of time", { code: "BUILD_TIMEOUT", onward: "end" }],
  ["an emulated build out of time", { code: "BUILD_TIMEOUT", placement: "emulated", onward: "unemulated" }],
  ["a full disk", { code: "DISK_FULL", details: { exitCode: 1 }, onward: "next" }],
  ["an untrusted registry", { code: "REGISTRY_TLS", onward: "next" }],
  ["a wrong password", { code: "REGISTRY_UNAUTHORIZED", onward: "end" }],
  ["a missing base", { code: "BASE_NOT_FOUND", onward: "end" }],
  ["a mistake in the Dockerfile", { code: "DOCKERFILE_INVALID", onward: "end" }],
  ["Ctrl-C", { code: "CANCELLED", lost: true, onward: "end" }],
];

describe("afterFailure", () => {
  it.each(cases)(
    "%s",
    (_name, { code, details = {}, placement = "native", lost = false, tried = 0, onward }) => {
      const error = new AnyarchError(code, "It failed.", { details });
      expect(afterFailure(error, placement, { lost, tried, retries: 2 })).toBe(onward);
    },
  );
});

it("asks a node whether it is there only where BuildKit didn't say what is wrong", () => {
  const suspect = (code: ErrorCode, details = {}) => isNodeSuspect(new AnyarchError(code, "x", { details }));
  expect(suspect("BUILD_FAILED", { exitCode: 1 })).toBe(false);
  expect(suspect("REGISTRY_UNAUTHORIZED")).toBe(false);
  expect(suspect("BUILD_FAILED")).toBe(true);
  expect(suspect("BUILD_STALLED")).toBe(true);
  expect(suspect("NETWORK_ERROR")).toBe(true);
});
