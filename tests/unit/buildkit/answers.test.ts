import { describe, expect, it } from "vitest";
import { readInspection } from "../../../src/buildkit/buildx-inspect.ts";
import { mergeCredentials } from "../../../src/buildkit/client-config.ts";
import { readBuilders } from "../../../src/buildkit/discovery.ts";
import { environmentMode, readEmulator } from "../../../src/buildkit/environment.ts";
import { enterCommand } from "../../../src/buildkit/greet-container.ts";
import { clientFailure, lastTelling } from "../../../src/buildkit/node-failure.ts";
import { readWorkers } from "../../../src/buildkit/probe-node.ts";
import { isNative32, probeProgram } from "../../../src/buildkit/probe-program.ts";
import { chooseSshWay } from "../../../src/buildkit/ssh-host.ts";
import { formatPlatform, parsePlatform } from "../../../src/oci/platform.ts";

describe("buildx inspect", () => {
  const text = `Name:          farm
Driver:        docker-container
Last Activity: 2026-11-20 13:06:06 +0000 UTC

Nodes:
Name:             farm0
Endpoint:         ssh://ci@arm
Status:           running
BuildKit version: v0.26.3
Platforms:        linux/arm/v7*, linux/arm64, linux/amd64/v2
Labels:
 org.mobyproject.buildkit.worker.executor: oci
`;

  it("is read, with what is only a label kept apart", () => {
    const read = readInspection(text);
    expect(read).toMatchObject({
      driver: "docker-container",
      endpoint: "ssh://ci@arm",
      status: "running",
      version: "v0.26.3",
    });
    expect(read.platforms.map(formatPlatform)).toEqual(["linux/arm64", "linux/amd64/v2"]);
    expect(read.claimed.map(formatPlatform)).toEqual(["linux/arm/v7"]);
  });

  it("is read in the form of older releases, and with an error", () => {
    const old =
      "Name: x\nDriver: remote\n\nNodes:\nName: x0\nStatus: inactive\nBuildkit: v0.12.0\nError: refused: no\n";
    expect(readInspection(old)).toMatchObject({
      version: "v0.12.0",
      status: "inactive",
      error: "refused: no",
    });
    expect(readInspection("")).toEqual({ driver: "", platforms: [], claimed: [] });
  });
});

describe("lists of machines", () => {
  it("give the current builder first, and leave out lines that are none", () => {
    const lines = [
      '{"Name":"a","Driver":"remote","Nodes":[]}',
      "WARNING: x",
      '{"Name":"b","Current":true}',
      "{",
    ];
    expect(readBuilders(lines.join("\n")).map(({ Name }) => Name)).toEqual(["b", "a"]);
  });

  it("give the platforms of the worker that builds", () => {
    const worker = (os: string): unknown => ({ platforms: [{ os, architecture: "arm", variant: "v7" }] });
    const { platforms } = readWorkers(JSON.stringify([worker("linux"), worker("windows")]));
    expect(platforms.map(formatPlatform)).toEqual(["linux/arm/v7"]);
    expect(readWorkers("ID PLATFORMS")).toEqual({ platforms: [] });
  });
});

describe("what clients say", () => {
  it.each([
    ["Permission denied (publickey).", "BUILDER_UNAUTHORIZED"],
    [
      "@@@\n@  WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!  @\nHost key verification failed.",
      "BUILDER_UNTRUSTED",
    ],
    ["Host key verification failed.", "BUILDER_UNTRUSTED"],
    ["ssh: Could not resolve hostname x: Name or service not known", "BUILDER_UNREACHABLE"],
    ["ssh: connect to host x port 22: Connection timed out", "BUILDER_UNREACHABLE"],
    ["kex_exchange_identification: Connection closed by remote host", "BUILDER_UNREACHABLE"],
    ["Error response from daemon: container abc is not running", "BUILDER_UNREACHABLE"],
    ["permission denied while trying to connect to the Docker daemon socket", "BUILDER_UNAUTHORIZED"],
    [
      'desc = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"',
      "BUILDER_UNTRUSTED",
    ],
    ["x509: certificate signed by unknown authority", "BUILDER_UNTRUSTED"],
    ["x509: certificate is valid for a, not b", "BUILDER_UNTRUSTED"],
    ["remote error: tls: unknown certificate authority", "BUILDER_UNAUTHORIZED"],
    ["bash: line 1: buildctl: command not found", "BUILDER_UNREACHABLE"],
    ["something else entirely", "BUILDER_UNREACHABLE"],
  ])("%s is %s", (said, code) => {
    expect(clientFailure("ssh://ci@arm", said)).toMatchObject({ code });
    expect(clientFailure("ssh://ci@arm", said).message).toContain("ssh://ci@arm can't be ");
  });

  it("is told by its last error, without the progress around it", () => {
    const said = '{"vertexes":[]}\nWARNING: x\nERROR: failed to build: no such thing\n{"logs":[]}\n';
    expect(lastTelling(said)).toBe("failed to build: no such thing");
  });

  it("is told from a host without either program, or with Docker that buildctl can't use", () => {
    const machine = "Linux aarch64";
    expect(chooseSshWay("n", { machine, buildctl: "ok", docker: "ok" }, true)).toBe("buildkit");
    expect(chooseSshWay("n", { machine, buildctl: "no daemon", docker: "ok" }, true)).toBe("docker");
    expect(() => chooseSshWay("n", { machine, docker: "ok" }, false)).toThrow(/only be used by buildx/);
    expect(() => chooseSshWay("n", { machine }, true)).toThrow(/neither buildctl nor docker .*Linux aarch64/);
    const said = "permission denied while trying to connect to the docker API";
    expect(() => chooseSshWay("n", { machine, docker: said }, true)).toThrow(
      expect.objectContaining({ code: "BUILDER_UNAUTHORIZED" }),
    );
  });
});

describe("credentials", () => {
  it("come before the user's helpers for their registry only", () => {
    const config = {
      auths: { "other.test": { auth: "x" } },
      credsStore: "desktop",
      credHelpers: { "reg.test": "ecr" },
      currentContext: "there",
    };
    const given = {
      "reg.test": { username: "u", password: "p:w" },
      "docker.io": { username: "h", password: "q" },
    };
    expect(mergeCredentials(config, given)).toEqual({
      auths: {
        "other.test": { auth: "x" },
        "reg.test": { auth: Buffer.from("u:p:w").toString("base64") },
        "https://index.docker.io/v1/": { auth: Buffer.from("h:q").toString("base64") },
      },
      credsStore: "desktop",
      credHelpers: { "reg.test": "", "https://index.docker.io/v1/": "" },
      currentContext: "there",
    });
  });
});

describe("containers and pods", () => {
  it("are entered as BuildKit's clients do", () => {
    expect(enterCommand("docker-container://b?context=x")).toEqual(["docker", "--context=x", "exec", "b"]);
    expect(enterCommand("podman-container://b")).toEqual(["podman", "exec", "b"]);
    expect(enterCommand("kube-pod://Pod-0?namespace=ci&container=c")).toEqual([
      "kubectl",
      "--namespace=ci",
      "exec",
      "--container=c",
      "Pod-0",
      "--",
    ]);
  });
});

describe("the probe's programs", () => {
  it("are told to run natively by their addresses", () => {
    expect(
      isNative32("00010000-00011000 r-xp 00000000 fe:00 1 /p\nffff0000-ffff1000 r-xp 00000000 00:00 0\n"),
    ).toBe(true);
    expect(isNative32("00010000-00011000 r-xp 0 0 0\n7f0000000000-7f0000001000 rw-p 0 0 0\n")).toBe(false);
    expect(isNative32("")).toBe(false);
  });

  it("are there for the usual CPUs", () => {
    for (const text of [
      "linux/amd64",
      "linux/arm64",
      "linux/arm/v7",
      "linux/386",
      "linux/riscv64",
      "linux/s390x",
    ])
      expect(probeProgram(parsePlatform(text))?.bytes.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    expect(probeProgram(parsePlatform("windows/amd64"))).toBeUndefined();
  });
});

describe("the environment", () => {
  it("says how a daemon is had", () => {
    const mode = environmentMode({ inContainer: true, hasSocket: true, rootless: true });
    expect(mode).toMatchObject({ kind: "container-with-docker-socket", rootless: true });
    expect(mode.text).toContain("Docker-in-Docker");
    expect(environmentMode({ inContainer: false, hasSocket: true, rootless: false }).kind).toBe("host");
    expect(environmentMode({ inContainer: true, hasSocket: false, rootless: false }).kind).toBe("container");
  });

  it("lists interpreters for ELF files only", () => {
    const entry = "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: POCF\noffset 0\nmagic 7f454c460201\n";
    expect(readEmulator("qemu-aarch64", entry)).toEqual({
      name: "qemu-aarch64",
      interpreter: "/usr/bin/qemu-aarch64",
      enabled: true,
      flags: "POCF",
    });
    expect(
      readEmulator("python", "enabled\ninterpreter /usr/bin/python\nflags: \noffset 0\nmagic 6f0d0d0a\n"),
    ).toBeUndefined();
  });
});
