import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Placement } from "../../../src/buildkit/dockerfile-plan.ts";
import { RawjsonReader } from "../../../src/buildkit/rawjson.ts";
import { solveError } from "../../../src/buildkit/solve-error.ts";
import { SolveEvents } from "../../../src/buildkit/solve-events.ts";
import type { WatchEnd } from "../../../src/buildkit/watchdog.ts";
import { isEmulatorCrash, openLogReader } from "../../../src/diagnose/log-reader.ts";
import type { AnyarchError } from "../../../src/errors/error.ts";
import type { BuildEvent } from "../../../src/events/event.ts";
import { recorded } from "./recorded.ts";

interface Told {
  readonly placement?: Placement;
  readonly code?: number;
  readonly end?: WatchEnd;
}

/** The error and the events of a solve whose client wrote this. */
function outcomeOf(text: string | Buffer, { placement = "native", code = 1, end }: Told = {}) {
  const events: BuildEvent[] = [];
  const platform = "linux/arm64";
  const reader = openLogReader({ platform, emulated: placement === "emulated" });
  const emit = (event: BuildEvent): void => void events.push(event);
  const solve = new SolveEvents({ platform, node: "ssh://arm", emit, reader, isCrash: isEmulatorCrash });
  const progress = new RawjsonReader(solve.update);
  progress.push(Buffer.from(text));
  progress.end();
  const { failed, interrupted } = solve;
  solve.close("failed");
  const place = { platform, node: "ssh://arm", placement, version: "v0.26.3" };
  const diagnoses = reader.diagnoses();
  const error: AnyarchError = solveError({
    place,
    code,
    failed,
    interrupted,
    text: solve.text,
    diagnoses,
    end,
  });
  return { error, events };
}

const read = (name: string): Buffer => readFileSync(recorded(name));
const client = (text: string): string => `error: failed to solve: ${text}\n`;

describe("solveError", () => {
  it("names everything of a failed instruction", () => {
    const { error } = outcomeOf(read("step-failed.ndjson"));
    expect(error.code).toBe("BUILD_FAILED");
    expect(error.message).toBe(
      [
        'linux/arm64 failed on ssh://arm (native), in [builder 1/1] RUN echo hello; echo "npm ERR! bad thing" >&2; exit 7: exit code 7.',
        "Its last lines:",
        "  | hello",
        "  | npm ERR! bad thing",
      ].join("\n"),
    );
    expect(error.details).toMatchObject({
      platform: "linux/arm64",
      node: "ssh://arm",
      buildkit: "v0.26.3",
      emulated: false,
      exitCode: 7,
      step: { stage: "builder", index: 1, total: 1 },
    });
  });

  it("says that a builder was lost, and in which step", () => {
    const { error } = outcomeOf(read("daemon-killed.ndjson"));
    expect(error.code).toBe("BUILDER_LOST");
    expect(error.message).toContain("was interrupted on ssh://arm (native), in [2/2] RUN echo going;");
    expect(error.message).toContain("error reading from server: EOF");
    expect(error.message).toContain("  | tick 3 1");
    expect(outcomeOf(read("daemon-down.txt")).error.code).toBe("BUILDER_LOST");
  });

  it("says after which words of an emulator a step hung", () => {
    const line = "qemu: uncaught target signal 11 (Segmentation fault) - core dumped";
    const end = { reason: "crash", afterMs: 30_000, vertex: "", line } as const;
    const { error } = outcomeOf(read("emulator-hang.ndjson"), { placement: "emulated", end });
    expect(error.code).toBe("BUILD_STALLED");
    expect(error.message).toContain("in [2/2] RUN echo going; kill -SEGV $$: the emulator crashed");
    expect(error.message).toContain("(signal 11), then it was silent for 30 s");
    expect(error.details).toMatchObject({ signal: "SIGSEGV", watchdog: "crash", emulatorCrash: line });
  });

  it("tells silence from lack of time", () => {
    const silence = outcomeOf("", { end: { reason: "silence", afterMs: 60_000 } }).error;
    expect([silence.code, silence.message]).toEqual([
      "BUILD_STALLED",
      "linux/arm64 was ended on ssh://arm (native): it gave no sign of life for 60 s.",
    ]);
    const end = { reason: "timeout", afterMs: 1500 } as const;
    const timeout = outcomeOf("", { end, placement: "emulated" }).error;
    expect([timeout.code, timeout.message]).toEqual([
      "BUILD_TIMEOUT",
      "linux/arm64 was ended on ssh://arm (emulated): it took longer than 1.5 s.",
    ]);
    expect(timeout.hint).toContain("native builder");
  });

  it("reads what BuildKit says of Dockerfiles, registries and networks", () => {
    expect(outcomeOf(read("syntax.ndjson")).error).toMatchObject({
      code: "DOCKERFILE_INVALID",
      message: expect.stringContaining("unknown instruction: RAN (did you mean RUN?)") as unknown,
    });
    expect(outcomeOf(read("no-registry.ndjson")).error).toMatchObject({
      code: "NETWORK_ERROR",
      message: expect.stringContaining("connection refused") as unknown,
    });
  });

  it.each([
    ["write /x: no space left on device", "DISK_FULL"],
    ["app:1: no match for platform in manifest: not found", "BASE_PLATFORM_MISSING"],
    [
      "failed to push registry.test/app: unexpected status from POST request to https://registry.test/v2/app/blobs/uploads/: 401 Unauthorized",
      "REGISTRY_UNAUTHORIZED",
    ],
    [
      "failed to push registry.test/app: server message: insufficient_scope: authorization failed",
      "REGISTRY_DENIED",
    ],
    [
      "registry.test/app:1: failed to resolve source metadata for registry.test/app:1: registry.test/app:1: not found",
      "BASE_NOT_FOUND",
    ],
    ["tls: failed to verify certificate: x509: certificate signed by unknown authority", "REGISTRY_TLS"],
    [
      "unexpected status from HEAD request to https://registry.test/v2/app/manifests/1: 503 Service Unavailable",
      "REGISTRY_ERROR",
    ],
    ["dial tcp: lookup registry.test: no such host", "NETWORK_ERROR"],
    ["something that nobody has seen", "BUILD_FAILED"],
  ])("%s → %s", (text, code) => {
    expect(outcomeOf(client(text)).error.code).toBe(code);
  });

  it("marks what another try may mend", () => {
    const text =
      "unexpected status from HEAD request to https://registry.test/v2/app/manifests/1: 503 Service Unavailable";
    expect(outcomeOf(client(text)).error.details).toMatchObject({ transient: "the registry answered 503" });
    expect(outcomeOf(read("step-failed.ndjson")).error.details).not.toHaveProperty("transient");
  });

  it("says so where the client says nothing", () => {
    expect(outcomeOf("", { code: 137 }).error.message).toContain("was ended by SIGKILL");
    expect(outcomeOf("", { code: 3 }).error.message).toContain("exited with 3 and said nothing");
  });

  it("keeps secrets out of messages, logs and details", () => {
    const vertex = { digest: "a", name: "[1/1] RUN curl https://me:hunter2@host/x", started: "now" };
    const log = Buffer.from("GET https://me:hunter2@host/x\n").toString("base64");
    const error = 'process "curl https://me:hunter2@host/x" did not complete successfully: exit code: 22';
    const { error: failure, events } = outcomeOf(
      [
        JSON.stringify({ vertexes: [vertex] }),
        JSON.stringify({ logs: [{ vertex: "a", stream: 2, data: log }] }),
        JSON.stringify({ vertexes: [{ ...vertex, completed: "now", error }] }),
      ].join("\n"),
    );
    expect(failure.message).toContain("https://***@host/x");
    expect(JSON.stringify([events, failure.details, failure.message])).not.toContain("hunter2");
  });
});

describe("SolveEvents", () => {
  it("begins and ends each vertex once, and tells cached ones as such", () => {
    const { events } = outcomeOf(read("two-platforms.ndjson"));
    const begun = events.flatMap((event) => (event.type === "task.started" ? [event.id] : []));
    const ended = events.flatMap((event) => (event.type === "task.finished" ? [event.id] : []));
    expect(new Set(begun).size).toBe(begun.length);
    expect([...ended].sort()).toEqual([...begun].sort());
    const statuses = events.flatMap((event) => (event.type === "task.finished" ? [event.status] : []));
    expect(new Set(statuses)).toEqual(new Set(["done"]));
    const hang = outcomeOf(read("emulator-hang.ndjson")).events;
    expect(hang).toContainEqual(expect.objectContaining({ type: "task.finished", status: "cached" }));
  });

  const vertex = (digest: string, name: string, state: Record<string, unknown>): string =>
    `${JSON.stringify({ vertexes: [{ digest, name, started: "now", ...state }] })}\n`;
  const log = (digest: string, text: string): string =>
    `${JSON.stringify({ logs: [{ vertex: digest, stream: 1, data: Buffer.from(text).toString("base64") }] })}\n`;
  const from = `[builder 1/2] FROM debian:12@sha256:${"ab".repeat(32)}`;
  const told = (events: readonly BuildEvent[]): readonly string[] => {
    const names = new Map<string, string>();
    return events.map((event) => {
      if (event.type === "task.started") names.set(event.id, event.name);
      if (event.type === "log") return `log ${event.level} ${event.message}`;
      const what = "id" in event ? (names.get(event.id) ?? "") : "";
      return event.type === "task.finished" ? `${event.status} ${what}` : `${event.type} ${what}`;
    });
  };

  it("takes a source that begins anew for one task, which ends before its stage's first step speaks", () => {
    const { events } = outcomeOf(
      [
        vertex("f", from, {}),
        vertex("f", from, { completed: "now" }),
        vertex("f", from, {}),
        vertex("f", from, { completed: "now" }),
        vertex("r", "[builder 2/2] RUN make", {}),
        vertex("f", from, {}),
        vertex("f", from, { completed: "now", cached: true }),
        log("r", "hello\n"),
        vertex("r", "[builder 2/2] RUN make", { completed: "now" }),
        vertex("f", from, {}),
        vertex("f", from, { completed: "now" }),
      ].join(""),
    );
    const short = "[builder 1/2] FROM debian:12@sha256:abababababab…";
    expect(told(events)).toEqual([
      `task.started ${short}`,
      "task.started [builder 2/2] RUN make",
      `cached ${short}`,
      "log info hello",
      "done [builder 2/2] RUN make",
    ]);
    const ended = events.find((event) => event.type === "task.finished");
    expect(ended).toMatchObject({ durationMs: expect.any(Number) as unknown });
  });

  it("reports a source again when it fails after all", () => {
    const { events, error } = outcomeOf(
      [
        vertex("f", from, {}),
        vertex("f", from, { completed: "now" }),
        vertex("f", from, {}),
        vertex("f", from, { completed: "now", error: "no space left on device" }),
      ].join(""),
    );
    expect(told(events)).toEqual([expect.stringMatching(/^task\.started/), expect.stringMatching(/^failed/)]);
    expect(error.code).toBe("DISK_FULL");
  });

  it("says what BuildKit says of its own doings once", () => {
    const { events } = outcomeOf(
      [vertex("e", "exporting", {}), log("e", "retrying in 1s\n"), log("e", "retrying in 1s\n")].join(""),
    );
    const logs = told(events).filter((text) => text.startsWith("log"));
    expect(logs).toEqual(["log info retrying in 1s", "log debug retrying in 1s"]);
  });

  it("names the step that a watchdog's end cancelled", () => {
    const end = { reason: "timeout", afterMs: 2000 } as const;
    const cancelled = vertex("r", "[builder 2/2] RUN make", { completed: "now", error: "context canceled" });
    const { error } = outcomeOf(vertex("r", "[builder 2/2] RUN make", {}) + cancelled, { end });
    expect(error.message).toContain("in [builder 2/2] RUN make: it took longer than 2 s.");
  });
});
