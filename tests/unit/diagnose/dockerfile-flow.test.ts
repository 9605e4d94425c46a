import { describe, expect, it } from "vitest";
import { checkDockerfile } from "../../../src/diagnose/check-dockerfile.ts";
import { mountsOf } from "../../../src/dockerfile/mounts.ts";
import { withoutOnbuild } from "../../../src/dockerfile/onbuild.ts";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";

/** "rule:line" of errors and warnings. */
function found(text: string): string[] {
  return checkDockerfile("Dockerfile", text)
    .findings.filter(({ severity }) => severity !== "info")
    .map(({ rule, line }) => `${rule}:${line}`);
}

const buildStage = "FROM --platform=$BUILDPLATFORM debian:12 AS get\nARG TARGETARCH BUILDARCH\n";

describe("check follows", () => {
  it.each<[string, string, string[]]>([
    [
      "a Linux file with a backtick as its escape",
      "# escape=`\nFROM debian:12\nRUN true `\n && curl -fsSLO https://dl.example.com/a-linux-amd64\n",
      ["hardcoded-arch-download:4"],
    ],
    [
      "no Windows file",
      "# escape=`\nFROM mcr.microsoft.com/windows/nanoserver:ltsc2022 AS a\nFROM a\nRUN curl -LO https://dl.example.com/a-windows-amd64.zip\n",
      [],
    ],
    [
      "ONBUILD over several lines",
      "FROM debian:12\nONBUILD RUN true \\\n && curl -fsSLO https://dl.example.com/a-linux-amd64\n",
      ["hardcoded-arch-download:3"],
    ],
    [
      "ARGs into stages FROM a stage",
      "FROM debian:12 AS a\nARG TARGETARCH\nFROM a\nRUN curl -fsSLO https://dl.example.com/a-$TARGETARCH\n",
      [],
    ],
    [
      "no ARGs into other stages",
      "FROM debian:12 AS a\nARG TARGETARCH\nFROM debian:12\nRUN curl -fsSLO https://dl.example.com/a-$TARGETARCH\n",
      ["targetarch-not-declared:4"],
    ],
    [
      "an archive that is piped into tar",
      `${buildStage}RUN curl -fsSL https://dl.example.com/a-$BUILDARCH.tgz | tar xz -C /usr/bin a\nFROM debian:12\nCOPY --from=get /usr/bin/a /usr/bin/a\n`,
      ["buildarch-used-for-target:3"],
    ],
    [
      "an archive that is unpacked, and what is moved out of it",
      `${buildStage}RUN curl -fsSLo /tmp/a.zip https://dl.example.com/a-$TARGETARCH.zip && unzip /tmp/a.zip -d /tmp/x\nRUN mv /tmp/x/a /usr/local/bin/ && a --version\nFROM debian:12\nCOPY --from=get /usr/local/bin/a /a\n`,
      ["target-binary-run-on-buildplatform:4"],
    ],
    [
      "tools of the build to where nothing takes them",
      `${buildStage}RUN cd /opt && curl -fsSLO https://dl.example.com/a-$(uname -m).tgz && tar xf a-$(uname -m).tgz && ln -s /opt/a/bin/a /usr/bin/a\nRUN a > /site\nFROM debian:12\nCOPY --from=get /site /site\n`,
      [],
    ],
    [
      "go env -w",
      "FROM --platform=$BUILDPLATFORM golang:1.23 AS b\nARG TARGETARCH\nRUN go env -w GOARCH=$TARGETARCH\nRUN go build -o /a .\nFROM scratch\nCOPY --from=b /a /a\n",
      [],
    ],
    [
      "bind mounts of another stage",
      "FROM --platform=$BUILDPLATFORM golang:1.23 AS b\nRUN go build -o /out/a .\nFROM alpine:3.20\nRUN --mount=type=bind,from=b,source=/out,target=/o cp /o/a /a\n",
      ["buildplatform-compile-not-cross:2"],
    ],
    [
      "nothing of a test stage that no image has",
      "FROM debian:12 AS b\nFROM b AS e2e\nRUN curl -fsSLO https://dl.example.com/a-linux-amd64\nFROM b\n",
      [],
    ],
  ])("%s", (_name, text, expected) => {
    expect(found(text)).toEqual(expected);
  });
});

describe("mountsOf", () => {
  it("reads bind mounts, the default type included, and no caches", () => {
    const [stage] = parseDockerfile(
      "FROM a\nRUN --mount=from=b,src=/x,dst=/y --mount=type=cache,target=/c --mount=type=bind,target=/z true\n",
    ).stages;
    expect(stage?.instructions.flatMap(mountsOf)).toEqual([
      { from: "b", source: "/x", target: "/y" },
      { from: "", target: "/z" },
    ]);
  });
});

describe("withoutOnbuild", () => {
  it("reads the flags of what is wrapped", () => {
    const [stage] = withoutOnbuild(parseDockerfile("FROM a\nONBUILD copy --from=b /x /y\n")).stages;
    expect(stage?.instructions[0]).toMatchObject({
      keyword: "COPY",
      flags: [{ name: "from", value: "b" }],
      text: "/x /y",
      line: 2,
    });
  });
});
