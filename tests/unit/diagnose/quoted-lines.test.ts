import { describe, expect, it } from "vitest";
import type { LogLine } from "../../../src/diagnose/log/log-line.ts";
import { isQuotedSentence, QuoteFinder } from "../../../src/diagnose/log/quoted-lines.ts";
import { openLogReader } from "../../../src/diagnose/log-reader.ts";

/** The kinds of these lines of output, all of one step. */
function kinds(lines: readonly string[], command = "RUN make"): readonly string[] {
  const finder = new QuoteFinder();
  const step = { command };
  const judged = lines.map((text, at): LogLine =>
    finder.judge({ number: at + 1, text, kind: "output", step }, undefined),
  );
  return judged.map(({ kind }) => kind);
}

function codes(log: string): readonly string[] {
  const reader = openLogReader();
  for (const line of log.split("\n")) reader.line(line);
  return reader.diagnoses().map(({ code }) => code);
}

describe("quoted lines", () => {
  it.each([
    '   20 |     puts("exec format error")',
    "39\t        except ConnectionResetError:  # ECONNRESET",
    "> Task :api:generateProto FAILED",
    'Expected: "read ECONNRESET"',
    "E       AssertionError: assert 'exec format error' in 'x'",
    ">       assert explain('Killed') is None",
    'read_test.go:9: got "no space left on device", want ""',
    "12:9  error  'ETIMEDOUT' is defined but never used  no-unused-vars",
    "src/net.py:9:5: F841 Local variable `connection_refused` is never used",
    "not ok 3 explains exec format error",
    "40 killed, 9 survived, 2 timed out",
    "INFO  proxy: retrying after ETIMEDOUT (1/3)",
    " FAIL  tests/help.test.ts > prints a timeout",
    "✖ reports SIGSEGV (1.2ms)",
    "  1) [chromium] › a.spec.ts:3:5 › shows Illegal instruction",
    '/src/Tests/A.swift:7: error: ATests.testRun : XCTAssertEqual failed: ("exec format error") is not equal to ("")',
    "2:   values: CHECK( Segmentation fault == exec format error )",
    "\t            \t+no match for platform in manifest",
  ])("are found: %s", (text) => {
    expect(kinds([text])).toEqual(["quote"]);
  });

  it.each([
    "/bin/sh: 1: tool: Exec format error",
    "qemu: uncaught target signal 11 (Segmentation fault) - core dumped",
    "main.c:4:10: fatal error: emmintrin.h: No such file or directory",
    "scan.c:8:14: error: comparison is always false due to limited range of data type [-Werror=type-limits]",
    '✘ [ERROR] The package "@esbuild/linux-arm64" could not be found, and is needed by esbuild.',
    "  × No solution found when resolving dependencies:",
    "    │ ERROR: failed to solve: base:1: no match for platform in manifest: not found",
    "E: Unable to locate package tool",
    "qemu-arm: ../accel/tcg/translate.c:9: check: Assertion `cpu == current' failed.",
    "- libfoo=1.2",
    'WARN: FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"',
    "1) com.google.protobuf:protoc:exe:linux-aarch_64:3.5.0",
  ])("are not those of a tool: %s", (text) => {
    expect(kinds([text])).toEqual(["output"]);
  });

  it("include the source line above a line of carets, not the message there", () => {
    expect(kinds(['  throw new Full("no space left on device");', "        ^"])).toEqual(["quote", "output"]);
    expect(kinds(["x.c:3:1: error: unknown type name 'x'", "^"])).toEqual(["output", "output"]);
  });

  it("include a diff's lines after its head", () => {
    expect(kinds(["- Expected", "+ Received", "- Illegal instruction", "+ Killed", "done"])).toEqual([
      "quote",
      "quote",
      "quote",
      "quote",
      "output",
    ]);
  });

  it("include what the command itself has printed", () => {
    const command = "RUN test -f /x || echo 'exec format error means QEMU is missing'";
    expect(kinds(["exec format error means QEMU is missing"], command)).toEqual(["quote"]);
  });

  it("include documents and commits that the command shows", () => {
    const document = ["## Exec format error", "- fixed: exec format error", "0a1b2c3 Fix exec format error"];
    expect(kinds(document, "RUN cat README.md && git log --oneline && make")).toEqual([
      "quote",
      "quote",
      "quote",
    ]);
    expect(kinds(document, "RUN ./configure || cat config.log")).toEqual(["output", "output", "output"]);
    expect(kinds(["docs/a.md:12:exec format error"], 'RUN grep -rn "exec format" docs')).toEqual(["quote"]);
  });

  it("include what pytest captured, up to the next heading", () => {
    const lines = [
      "----------------------------- Captured stderr call -----------------------------",
      "exec /bin/sh: exec format error",
      "=========================== short test summary info ============================",
      "exec /bin/sh: exec format error",
    ];
    expect(kinds(lines).slice(1)).toEqual(["quote", "output", "output"]);
  });

  it("take no echo of an empty variable for the command's text", () => {
    const command = 'RUN echo "unsupported arch: ${TARGETARCH}"';
    expect(kinds(["unsupported arch:"], command)).toEqual(["output"]);
  });

  it("know a sentence in quotation marks from a reported message", () => {
    const within = (text: string, words: string): boolean =>
      isQuotedSentence(text, text.indexOf(words), words.length);
    expect(within('if you see "exec format error", install QEMU', "exec format error")).toBe(true);
    expect(within('See "exec /bin/sh: exec format error" there', "sh: exec format error")).toBe(true);
    expect(within('caused \\"exec format error\\"', "exec format error")).toBe(false);
    expect(within('{"msg":"exec container process: Exec format error"}', "exec container process")).toBe(
      false,
    );
    expect(within("in `require': Error loading shared library libc.so.6", "Error loading")).toBe(false);
    expect(within('unexpected: "ENOSPC: no space left on device, open"', "no space left")).toBe(false);
    expect(within('Get "https://example.com": dial tcp: i/o timeout', "i/o timeout")).toBe(false);
    expect(within("cannot stat '/usr/lib/x86_64-linux-gnu/libz.so'", "/usr/lib")).toBe(false);
  });
});

describe("the outcome of a step", () => {
  const crash =
    '#7 [linux/arm64 3/5] RUN npm ci\n#7 9.1 qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n#7 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 139\n';

  it("is that of the last attempt, where a build is repeated", () => {
    const log = `${crash}Attempt 2\n#7 [linux/arm64 3/5] RUN npm ci\n#7 DONE 24.0s\n#8 [linux/arm64 4/5] RUN npx tsc\n#8 1.0 src/a.ts(1,1): error TS2304: Cannot find name 'x'.\n#8 ERROR: process "/bin/sh -c npx tsc" did not complete successfully: exit code: 2`;
    expect(codes(log)).not.toContain("qemu-sigsegv-signal-11");
    expect(codes(crash)).toEqual(["qemu-sigsegv-signal-11"]);
  });

  it("is told apart where numbers begin anew with the next build", () => {
    const log = `#7 [linux/amd64 2/2] RUN make\n#7 DONE 4.0s\n${crash}`;
    expect(codes(log)[0]).toBe("qemu-sigsegv-signal-11");
  });

  it("counts where no failed step is named", () => {
    const log =
      "#5 [linux/arm64 2/3] RUN apt-get install -y man-db\n#5 3.0 qemu: Unsupported syscall: 278\n#5 DONE 9.0s\nERROR: failed to find target release";
    expect(codes(log)).not.toContain("qemu-unsupported-syscall");
  });

  it("isn't that of a cache which couldn't be read or saved", () => {
    const before =
      "#3 importing cache manifest from registry.example.com/app:cache\n#3 ERROR: failed to configure registry cache importer: registry.example.com/app:cache: not found\n";
    const after =
      "Warning: Failed to save: Unable to reserve cache with key x, another job may be creating it.";
    expect(codes(before + crash + after)).toEqual(["qemu-sigsegv-signal-11"]);
    expect(codes(`exec /app: exec format error\n${after}`)).toEqual(["exec-format-error-no-emulation"]);
  });

  it("takes what a finished step said for no reason of another's failure", () => {
    const log =
      '#5 [linux/arm64 2/3] RUN apt-get install -y man-db\n#5 3.0 qemu: Unsupported syscall: 278\n#5 DONE 9.0s\n#6 [linux/arm64 3/3] COPY gone /x\n#6 ERROR: failed to calculate checksum of ref a::b: "/gone": not found';
    expect(codes(log)).toEqual(["generic-user-error"]);
  });

  it("knows finished steps of BuildKit's JSON progress too", () => {
    const data = Buffer.from("qemu: Unsupported syscall: 278\n").toString("base64");
    const log = [
      { vertexes: [{ digest: "a", name: "[linux/arm64 2/3] RUN apt-get install -y man-db" }] },
      { logs: [{ vertex: "a", data }] },
      { vertexes: [{ digest: "a", name: "[linux/arm64 2/3] RUN apt-get install", completed: "2026-01-01" }] },
      { vertexes: [{ digest: "b", name: "[linux/arm64 3/3] COPY gone /x" }] },
      {
        vertexes: [
          {
            digest: "b",
            name: "[linux/arm64 3/3] COPY gone /x",
            error: 'failed to calculate checksum of ref a::b: "/gone": not found',
          },
        ],
      },
    ].map((line) => JSON.stringify(line));
    expect(codes(log.join("\n"))).toEqual(["generic-user-error"]);
  });

  it("keeps what a pipe has hidden, and apt's warnings", () => {
    const pipe =
      "#5 [linux/arm/v7 2/3] RUN curl -sL https://example.com/setup | bash -\n#5 1.0 curl: (60) SSL certificate problem: unable to get local issuer certificate\n#5 DONE 2.0s\n#6 [linux/arm/v7 3/3] RUN apt-get install -y tool=18.1\n#6 1.0 E: Version '18.1' for 'tool' was not found\n#6 ERROR: process \"/bin/sh -c apt-get install -y tool=18.1\" did not complete successfully: exit code: 100";
    expect(codes(pipe)[0]).toBe("ca-certs-rehash-under-qemu-32bit");
    const update =
      "#5 [linux/arm64 2/3] RUN apt-get update\n#5 9.0 W: Failed to fetch http://deb.example.com/InRelease  Temporary failure resolving 'deb.example.com'\n#5 DONE 9.0s\n#6 [linux/arm64 3/3] RUN apt-get install -y tini\n#6 1.0 E: Unable to locate package tini\n#6 ERROR: process \"/bin/sh -c apt-get install -y tini\" did not complete successfully: exit code: 100";
    expect(codes(update)[0]).toBe("dns");
  });

  it("doesn't blame the CPU for what fails on amd64 alike", () => {
    const log = (platform: string): string =>
      `#5 [linux/arm64 2/3] RUN apt-get install -y libmisspelt\n#5 1.0 E: Unable to locate package libmisspelt\n#6 [linux/${platform} 2/3] RUN apt-get install -y libmisspelt\n#6 1.0 E: Unable to locate package libmisspelt\n#5 ERROR: process "/bin/sh -c apt-get install -y libmisspelt" did not complete successfully: exit code: 100`;
    expect(codes(log("amd64"))).not.toContain("package-missing-for-arch");
    expect(codes(log("arm/v7"))[0]).toBe("package-missing-for-arch");
  });
});

describe("a logger that marks every line alike", () => {
  it("hides nothing by its level", () => {
    expect(
      codes(
        "2024-05-01 10:00:01 INFO pulling\n2024-05-01 10:00:02 INFO exec /usr/bin/app: exec format error\n2024-05-01 10:00:03 INFO bye",
      ),
    ).toEqual(["exec-format-error-no-emulation"]);
  });

  it("says something where another line bears another level, or none", () => {
    expect(codes("INFO pulling\nINFO retrying after read ECONNRESET\nERROR boom")).toEqual([]);
    expect(codes("INFO pulling\nINFO retrying after read ECONNRESET\nboom")).toEqual([]);
    expect(codes("INFO retrying after read ECONNRESET")).toEqual([]);
  });
});
