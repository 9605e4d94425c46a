import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBuilderFlag, parseEndpoint } from "../../../src/buildkit/endpoint.ts";
import { AnyarchError } from "../../../src/errors/error.ts";

const parse = (text: string): unknown => parseEndpoint(text, "/srv");

describe("parseEndpoint", () => {
  it.each([
    ["ssh://arm.example", { kind: "ssh", url: "ssh://arm.example", destination: "arm.example" }],
    [
      "ssh://ci@arm.example:2222",
      { kind: "ssh", url: "ssh://ci@arm.example:2222", destination: "ci@arm.example", port: 2222 },
    ],
    ["ssh://ci@arm:80", { kind: "ssh", url: "ssh://ci@arm:80", destination: "ci@arm", port: 80 }],
    ["ssh://[::1]:22", { kind: "ssh", url: "ssh://[::1]:22", destination: "::1", port: 22 }],
    ["tcp://host:1234", { kind: "tcp", url: "tcp://host:1234" }],
    ["tcp://host:80", { kind: "tcp", url: "tcp://host:80" }],
    [
      "tcp://host:1234?ca=ca.pem&cert=/c.pem&key=k.pem&servername=x.example",
      {
        kind: "tcp",
        url: "tcp://host:1234",
        tls: { ca: "/srv/ca.pem", cert: "/c.pem", key: "/srv/k.pem", serverName: "x.example" },
      },
    ],
    ["tcp://host:1?cacert=a", { kind: "tcp", url: "tcp://host:1", tls: { ca: "/srv/a" } }],
    ["unix:///run/b.sock", { kind: "unix", url: "unix:///run/b.sock" }],
    ["/run/b.sock", { kind: "unix", url: "unix:///run/b.sock" }],
    ["docker-container://buildkitd", { kind: "container", url: "docker-container://buildkitd" }],
    ["kube-pod://b-0?namespace=ci", { kind: "container", url: "kube-pod://b-0?namespace=ci" }],
    ["podman-container://b", { kind: "container", url: "podman-container://b" }],
    ["context://desktop-linux", { kind: "context", name: "desktop-linux" }],
    ["docker-context://x", { kind: "context", name: "x" }],
    ["mybuilder", { kind: "builder", name: "mybuilder" }],
    ["farm/arm0", { kind: "builder", name: "farm", node: "arm0" }],
  ])("understands %s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    ["", "empty"],
    ["ssh://", "isn't a URL"],
    ["ssh://host/path", "something follows the host"],
    ["ssh://-oProxyCommand=x", "isn't a URL|begin with a hyphen"],
    ["ssh://-l@host", "begin with a hyphen"],
    ["ssh://u:secret@host", "a password doesn't belong"],
    ["ssh://host:0", "there is no port 0"],
    ["tcp://host", "host and port"],
    ["tcp://host:99999", "isn't a URL|there is no port"],
    ["tcp://host:1?tls=yes", '"tls" isn\'t one of'],
    ["tcp://host:1?cert=a", "belong together"],
    ["tcp://host:1?ca=", "is empty"],
    ["unix://run/b.sock", "isn't absolute"],
    ["docker-container://", "isn't a URL|name is missing"],
    ["context://", "name is missing"],
    ["http://host:1", "no way to reach BuildKit"],
    ["a b", "white space"],
    ["a/b/c", "neither an address nor"],
    ["-x", "neither an address nor"],
  ])("refuses %s", (text, why) => {
    const act = (): unknown => parse(text);
    expect(act).toThrow(expect.objectContaining({ code: "BUILDER_INVALID" }));
    expect(act).toThrow(new RegExp(why));
    expect(act).not.toThrow(/secret/);
  });

  it("suggests the form that was meant", () => {
    const hintOf = (text: string): string | undefined => {
      try {
        parse(text);
      } catch (error) {
        return error instanceof AnyarchError ? error.hint : undefined;
      }
      return undefined;
    };
    expect(hintOf("ci@arm:22")).toContain("ssh://ci@arm:22");
    expect(hintOf("arm:1234")).toContain("tcp://arm:1234");
  });

  it("either understands a text or says BUILDER_INVALID", () => {
    const piece = fc.constantFrom(
      "ssh",
      "tcp",
      "unix",
      "://",
      "@",
      ":",
      "/",
      "?",
      "ca=",
      "a",
      "1",
      "[",
      "%",
      "-",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((parts) => parts.join("")),
        ),
        (text) => {
          try {
            const { kind } = parseEndpoint(text, "/srv");
            expect(["ssh", "tcp", "unix", "container", "context", "builder"]).toContain(kind);
          } catch (error) {
            expect(error).toMatchObject({ code: "BUILDER_INVALID" });
          }
        },
      ),
    );
  });
});

describe("parseBuilderFlag", () => {
  it("separates platforms from the endpoint", () => {
    expect(parseBuilderFlag("linux/arm64=ssh://ci@arm")).toEqual({
      platforms: [{ os: "linux", architecture: "arm64" }],
      endpoint: "ssh://ci@arm",
    });
    expect(parseBuilderFlag("linux/aarch64,linux/arm/v7=farm/arm0").platforms).toHaveLength(2);
    expect(parseBuilderFlag("tcp://h:1?ca=x")).toEqual({ endpoint: "tcp://h:1?ca=x" });
    expect(parseBuilderFlag("linux/arm64=tcp://h:1?ca=x").endpoint).toBe("tcp://h:1?ca=x");
  });

  it("refuses what is left open", () => {
    expect(() => parseBuilderFlag("linux/arm64=")).toThrow(/no endpoint follows/);
    expect(() => parseBuilderFlag("=ssh://x")).toThrow(/no platform stands/);
    expect(() => parseBuilderFlag(" ")).toThrow(/empty/);
    expect(() => parseBuilderFlag("arm64=ssh://x")).toThrow(
      expect.objectContaining({ code: "PLATFORM_INVALID" }),
    );
  });
});
