import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { partCommand } from "../../../src/cli/command-words.ts";
import { command } from "../../../src/cli/commands/run.ts";
import { isMachineOf } from "../../../src/trial/checks.ts";
import { ratioOf, spreadOf } from "../../../src/trial/spread.ts";
import {
  parsePort,
  parseVolume,
  processArguments,
  processEnvironment,
} from "../../../src/trial/trial-process.ts";

const run = command.configure(new Command("run"));
const part = (line: string): string => partCommand(line.split(" "), run, "dist/image").join(" ");

describe("the words of anyarch run", () => {
  it.each([
    ["img", "img"],
    ["img ls -l /", "img -- ls -l /"],
    ["img --platform linux/arm64 ls -l", "img --platform linux/arm64 -- ls -l"],
    ["--platform linux/arm64 img ls", "--platform linux/arm64 img -- ls"],
    ["-it -e A=1 img sh", "-it -e A=1 img -- sh"],
    ["-ite A=1 img sh -e", "-ite A=1 img -- sh -e"],
    ["-eA=1 --env=B=2 img sh", "-eA=1 --env=B=2 img -- sh"],
    ["img -- sh -c x", "img -- sh -c x"],
    ["-- uname -m", "dist/image -- uname -m"],
    ["--engine runc -- uname", "--engine runc dist/image -- uname"],
    ["--entrypoint sh img -c x", "--entrypoint sh img -- -c x"],
    ["img -", "img -- -"],
  ])("%s", (given, expected) => {
    expect(part(given)).toBe(expected);
  });
});

describe("what a container is run with", () => {
  it("takes docker's forms of ports and volumes, and no others", () => {
    expect(parsePort("80")).toEqual({ host: 80, container: 80, protocol: "tcp" });
    expect(parsePort("8080:80/udp")).toEqual({ host: 8080, container: 80, protocol: "udp" });
    expect(parsePort("127.0.0.1:8080:80")).toEqual({
      address: "127.0.0.1",
      host: 8080,
      container: 80,
      protocol: "tcp",
    });
    for (const wrong of ["", "a", "0", "70000", "1:2:3:4", "80/sctp"])
      expect(() => parsePort(wrong)).toThrow("isn't");
    const here = (path: string): string => `/here/${path}`;
    expect(parseVolume("a:/b:ro", here)).toEqual({ source: "/here/a", target: "/b", readOnly: true });
    expect(parseVolume("a:/b", here)).toEqual({ source: "/here/a", target: "/b", readOnly: false });
    for (const wrong of ["a", "a:b", ":/b", "a:/b:rx", "a:/b:ro:x"])
      expect(() => parseVolume(wrong, here)).toThrow("isn't");
  });

  it("puts entry point and command together as docker does", () => {
    const config = { Entrypoint: ["e"], Cmd: ["c"] };
    expect(processArguments(config, {})).toEqual(["e", "c"]);
    expect(processArguments(config, { command: ["x"] })).toEqual(["e", "x"]);
    expect(processArguments(config, { entrypoint: ["f"] })).toEqual(["f"]);
    expect(processArguments(config, { entrypoint: ["f"], command: ["x"] })).toEqual(["f", "x"]);
    expect(processArguments(config, { entrypoint: [], command: ["x"] })).toEqual(["x"]);
    expect(() => processArguments({}, {})).toThrow("names no command");
  });

  it("lets options go before the image, and the image before what is usual", () => {
    const env = processEnvironment(
      { Env: ["A=1", "B=2=3", "HOME=/x"] },
      { env: { A: "9" }, tty: true },
      "/root",
    );
    expect(env).toMatchObject({ A: "9", B: "2=3", HOME: "/x", TERM: "xterm" });
    expect(env["PATH"]).toContain("/usr/bin");
  });
});

describe("measures", () => {
  it("says the median, the extremes, and what they leave open", () => {
    const fast = spreadOf([10, 12, 11]);
    const slow = spreadOf([100, 110, 130, 120]);
    expect(fast).toEqual({ runs: 3, median: 11, min: 10, max: 12, relative: 2 / 11 });
    expect(slow.median).toBe(115);
    expect(ratioOf(slow, fast)).toEqual({ median: 115 / 11, atLeast: 100 / 12, atMost: 13 });
  });

  it("knows what uname says", () => {
    const linux = (architecture: string) => ({ os: "linux", architecture });
    expect(isMachineOf("aarch64", linux("arm64"))).toBe(true);
    expect(isMachineOf("x86_64", linux("arm64"))).toBe(false);
    expect(isMachineOf("armv7l", linux("arm"))).toBe(true);
    expect(isMachineOf("anything", linux("vax"))).toBeUndefined();
  });
});
