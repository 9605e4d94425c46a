import { describe, expect, it } from "vitest";
import { openLogReader } from "../../../src/diagnose/log-reader.ts";
import { explainText } from "./explain-text.ts";

const crash = "qemu: uncaught target signal 4 (Illegal instruction) - core dumped";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const plain = `#31 [linux/arm64 build 4/6] RUN npm ci
#31 21.17 ${crash}
#31 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 132
------
 > [linux/arm64 build 4/6] RUN npm ci:
21.17 ${crash}
------
Dockerfile:4
--------------------
   3 |     COPY package*.json ./
   4 | >>> RUN npm ci
   5 |     COPY . .
--------------------
ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 132`;

const prefixed = (prefix: (at: number) => string): string =>
  plain
    .split("\n")
    .map((line, at) => prefix(at) + line)
    .join("\n");

const withStep: Readonly<Record<string, string>> = {
  "BuildKit plain": plain,
  "long steps, whose seconds have no decimals": plain.replace("21.17 qemu", "2994. qemu"),
  "its terminal display": ` => [linux/arm64 build 3/6] COPY package*.json ./    0.1s
 => ERROR [linux/arm64 build 4/6] RUN npm ci    21.2s
------
 > [linux/arm64 build 4/6] RUN npm ci:
#31 21.17 ${crash}
------`,
  CRLF: plain.replaceAll("\n", "\r\n"),
  colours: prefixed(() => "\u001b[31;1m").replaceAll("\n", "\u001b[0m\n"),
  "GitHub Actions": prefixed((at) => `2026-06-29T10:00:${String(10 + at)}.1234567Z `),
  "gh run view --log": prefixed(
    (at) => `build-arm64\tBuild and push\t2026-06-29T10:00:${String(10 + at)}.1234567Z `,
  ),
  GitLab: prefixed(() => "\u001b[0K2026-06-29T10:00:00.123456Z 01O "),
  "one CI system within another": prefixed(
    (at) => `2026-06-29T10:00:${String(10 + at)}.1234567Z [2026-06-29T10:00:00.123Z] `,
  ),
  journald: prefixed(() => "Jun 29 10:00:00 ci-host docker[1234]: "),
  TeamCity: prefixed(() => "[10:00:00] :\t [Step 1/1] "),
  "docker compose": prefixed(() => "build-1  | "),
  "a logger's lines": prefixed(() => "2026-06-29 10:00:00,123 builder - INFO "),
  "an indented quotation": prefixed(() => "    "),
  "a quotation in Markdown": prefixed(() => "> "),
  Jenkins: prefixed(() => "[2026-06-29T10:00:00.123Z] "),
  rawjson: [
    {
      vertexes: [
        { digest: "sha256:a", name: "[linux/arm64 build 4/6] RUN npm ci", started: "2026-06-29T10:00:00Z" },
      ],
    },
    {
      logs: [
        { vertex: "sha256:a", stream: 2, data: base64(`${crash}\n`), timestamp: "2026-06-29T10:00:21Z" },
      ],
    },
    {
      vertexes: [
        {
          digest: "sha256:a",
          name: "[linux/arm64 build 4/6] RUN npm ci",
          error: 'process "/bin/sh -c npm ci" did not complete successfully: exit code: 132',
        },
      ],
    },
  ]
    .map((status) => JSON.stringify(status))
    .join("\n"),
};

describe("the formats of logs", () => {
  it.each(Object.entries(withStep))(
    "000-08 names platform, stage, step and command in %s",
    (_format, log) => {
      const [first] = explainText(log);
      expect(first?.code).toBe("qemu-sigill-signal-4");
      expect(first?.platform).toBe("linux/arm64");
      expect(first?.emulated).toBe(true);
      expect(first?.step).toEqual({ stage: "build", index: 4, total: 6, command: "RUN npm ci" });
      expect(first?.evidence[0]?.text).toBe(crash);
    },
  );

  it("reads JSON behind a CI system's prefix", () => {
    const log = (withStep["rawjson"] ?? "")
      .split("\n")
      .map((line) => `build-1  | ${line}`)
      .join("\n");
    const [first] = explainText(log);
    expect(first?.step).toEqual({ stage: "build", index: 4, total: 6, command: "RUN npm ci" });
    expect(first?.platform).toBe("linux/arm64");
  });

  const older: Readonly<Record<string, string>> = {
    "the classic builder": `Step 1/3 : FROM --platform=linux/arm64 node:22 AS build
 ---> 0123456789ab
Step 2/3 : RUN npm ci
 ---> Running in ba9876543210
${crash}
The command '/bin/sh -c npm ci' returned a non-zero code: 132`,
    buildah: `STEP 1/3: FROM --platform=linux/arm64 node:22 AS build
STEP 2/3: RUN npm ci
${crash}
Error: building at STEP "RUN npm ci": while running runtime: exit status 132`,
    "podman, stages counted": `[1/2] STEP 1/3: FROM --platform=linux/arm64 node:22 AS build
[1/2] STEP 2/3: RUN npm ci
${crash}
Error: building at STEP "RUN npm ci": while running runtime: exit status 132`,
    "Docker's API": [
      { stream: "Step 1/3 : FROM --platform=linux/arm64 node:22 AS build\n" },
      { stream: "Step 2/3 : RUN npm ci\n" },
      { stream: `${crash}\n` },
      { errorDetail: { code: 132 }, error: "The command '/bin/sh -c npm ci' returned a non-zero code: 132" },
    ]
      .map((message) => JSON.stringify(message))
      .join("\n"),
  };

  it.each(Object.entries(older))("names the step in the log of %s", (_format, log) => {
    const [first] = explainText(log);
    expect(first?.code).toBe("qemu-sigill-signal-4");
    expect(first?.platform).toBe("linux/arm64");
    expect(first?.step).toMatchObject({ stage: "build", command: "RUN npm ci" });
  });

  it("reads kaniko's log, which has commands but no numbers", () => {
    const [first] = explainText(
      "INFO[0004] Unpacking rootfs as cmd RUN apk add curl requires it.\nINFO[0009] RUN apk add curl\nINFO[0009] Running: [/bin/sh -c apk add curl]\nerror building image: error building stage: failed to execute command: starting command: fork/exec /bin/sh: exec format error",
    );
    expect(first?.code).toBe("exec-format-error-no-emulation");
    expect(first?.step?.command).toBe("RUN apk add curl");
  });

  it("counts lines as they are in the file, with progress bars in between", () => {
    const [first] = explainText(`one\n 10%\r 50%\r100%\nthree\n${crash}`);
    expect(first?.evidence).toEqual([{ line: 4, text: crash }]);
  });

  it("takes the step that the caller names", () => {
    const reader = openLogReader({ platform: "linux/arm/v7", emulated: true });
    reader.line(crash, { stage: "app", index: 2, total: 9, command: "RUN yarn install" });
    const [first] = reader.diagnoses();
    expect(first?.platform).toBe("linux/arm/v7");
    expect(first?.step).toEqual({ stage: "app", index: 2, total: 9, command: "RUN yarn install" });
  });

  it("keeps to the step that failed when another only complained", () => {
    const [first] = explainText(`#8 [linux/amd64 build 2/3] RUN ./probe || true
#8 1.0 curl: (7) Failed to connect to example.com port 443: Connection refused
#8 DONE 1.2s
#9 [linux/amd64 build 3/3] RUN make
#9 4.0 c++: fatal error: Killed signal terminated program cc1plus
#9 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2`);
    expect(first?.code).toBe("out-of-memory-native");
  });

  it("says nothing of a log without a fault it knows", () => {
    expect(
      explainText(
        "#5 [build 2/3] RUN echo exec format error\n#5 DONE 0.1s\n#6 exporting to image\n#6 DONE 0.2s",
      ),
    ).toEqual([]);
    expect(explainText("")).toEqual([]);
  });

  it("000-09 says whether the step was emulated, and nothing where the log doesn't tell", () => {
    const failed = (platform: string): string =>
      `#5 [${platform} build 2/3] RUN cargo build\n#5 1.0 c++: fatal error: Killed signal terminated program cc1plus\n#5 ERROR: process "/bin/sh -c cargo build" did not complete successfully: exit code: 101`;
    expect(explainText(failed("linux/arm64"))[0]?.emulated).toBeUndefined();
    expect(explainText(failed("linux/amd64->arm64"))[0]).toMatchObject({
      emulated: false,
      platform: "linux/arm64",
    });
    expect(explainText(`Host: linux/amd64\n${failed("linux/arm64")}`)[0]?.emulated).toBe(true);
    expect(explainText(`Host: linux/arm64\n${failed("linux/arm64")}`)[0]?.emulated).toBe(false);
    expect(explainText(`Run docker/setup-qemu-action@v3\n${failed("linux/arm64")}`)[0]?.emulated).toBe(true);
    expect(explainText(failed("linux/arm64"), { emulated: false })[0]?.emulated).toBe(false);
  });
});
