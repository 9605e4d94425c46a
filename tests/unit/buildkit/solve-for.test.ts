import { describe, expect, it } from "vitest";
import { cacheSources, cacheTargets } from "../../../src/buildkit/cache-references.ts";
import { chooseDelivery, temporaryTag } from "../../../src/buildkit/delivery.ts";
import type { Endpoint, NodeFacts } from "../../../src/buildkit/node.ts";
import { indexAnnotations, solveFor } from "../../../src/buildkit/solve-for.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { parseReference } from "../../../src/oci/reference.ts";
import type { DockerfileRequest } from "../../../src/plan/dockerfile-request.ts";
import { plainRequest } from "../../data/plain-request.ts";

const arm64 = parsePlatform("linux/arm64");
const armv7 = parsePlatform("linux/arm/v7");

const request = plainRequest("/src", ["linux/arm64"], {
  tags: [parseReference("registry.example/team/app:1"), parseReference("registry.example/team/app:latest")],
  buildArgs: { LEVEL: "2", MODE: "release" },
  platformBuildArgs: { "linux/arm64": { LEVEL: "3" }, "linux/amd64": { LEVEL: "4" } },
  annotations: { a: "both", "index:b": "index", "manifest:c": "all", "manifest[linux/arm/v7]:d": "armv7" },
  push: true,
});

describe("solveFor", () => {
  const none = { kind: "none" } as const;
  const solve = (platform = arm64, change: Partial<DockerfileRequest> = {}) =>
    solveFor({ ...request, ...change }, { platform, optional: false }, none, "/tmp/meta.json");

  it("puts a platform's build arguments over those for all", () => {
    expect(solve().buildArgs).toEqual({ LEVEL: "3", MODE: "release" });
    expect(solve(armv7).buildArgs).toEqual({ LEVEL: "2", MODE: "release" });
  });

  it("gives manifests and the index their annotations as buildx's prefixes say", () => {
    expect(solve().annotations).toEqual({ a: "both", c: "all" });
    expect(solve(armv7).annotations).toEqual({ a: "both", c: "all", d: "armv7" });
    expect(indexAnnotations(request.annotations)).toEqual({ a: "both", b: "index" });
  });

  it("leaves out what wasn't asked for", () => {
    expect(Object.keys(solve())).not.toContain("provenance");
    expect(solve(arm64, { provenance: "mode=max", sourceDateEpoch: 0 })).toMatchObject({
      provenance: "mode=max",
      sourceDateEpoch: 0,
    });
  });

  it("writes no cache for a probe", () => {
    expect(solve(arm64, { cacheTo: ["type=inline"] }).cacheTo).toEqual([]);
  });
});

describe("caches per platform", () => {
  it.each([
    [
      "type=registry,ref=r.example/app:cache,mode=max",
      "type=registry,ref=r.example/app:cache-linux-arm64,mode=max",
    ],
    ["r.example:5000/app", "type=registry,ref=r.example:5000/app:linux-arm64"],
    ["r.example/app:cache", "type=registry,ref=r.example/app:cache-linux-arm64"],
    ["mode=max,type=local,dest=/var/cache/", "mode=max,type=local,dest=/var/cache/linux-arm64"],
    ['type=local,"dest=/var/a,b"', 'type=local,"dest=/var/a,b/linux-arm64"'],
    ["type=gha,mode=max", "type=gha,mode=max,scope=buildkit-linux-arm64"],
    ["type=gha,scope=main", "type=gha,scope=main-linux-arm64"],
    ["type=s3,region=eu,bucket=b,name=n", "type=s3,region=eu,bucket=b,name=n-linux-arm64"],
    ["type=inline", "type=inline"],
  ])("002-09 writes %s as %s", (value, expected) => {
    expect(cacheTargets([value], arm64)).toEqual([expected]);
  });

  it("002-09 reads what was written, and an image with an inline cache as it is", () => {
    const image = "type=registry,ref=r.example/app:latest";
    const cache = "type=registry,ref=r.example/app:cache";
    expect(cacheSources([image, cache], ["r.example/app:cache"], armv7)).toEqual([
      "type=registry,ref=r.example/app:latest-linux-arm-v7",
      image,
      "type=registry,ref=r.example/app:cache-linux-arm-v7",
    ]);
    expect(cacheSources(["type=local,src=/c"], [], armv7)).toEqual(["type=local,src=/c/linux-arm-v7"]);
    const pinned = `r.example/app@sha256:${"0".repeat(64)}`;
    expect(cacheSources([pinned], [], armv7)).toEqual([pinned]);
  });
});

describe("chooseDelivery", () => {
  const facts: NodeFacts = {
    native: arm64,
    platforms: [arm64],
    driver: "remote",
    pushByDigest: true,
    probeMs: 1,
  };
  const tcp: Endpoint = { kind: "tcp", url: "tcp://arm.example:1234" };
  const choose = (change: Partial<DockerfileRequest> = {}, endpoint: Endpoint = tcp, digest = true) =>
    chooseDelivery(
      { ...request, ...change },
      { spec: { name: "n", endpoint, origin: "flag" }, facts: { ...facts, pushByDigest: digest } },
      arm64,
      "/tmp/w",
    );
  const layout = { kind: "layout", directory: "/tmp/w/linux-arm64.oci" };

  it("lets the node push by digest where the image goes to registries only", () => {
    expect(choose()).toEqual({ kind: "push-by-digest", repository: "registry.example/team/app" });
    expect(choose({ push: false })).toEqual(layout);
    expect(choose({ outputs: ["oci:dist/image"] })).toEqual(layout);
    expect(choose({ load: true })).toEqual(layout);
    expect(choose({}, tcp, false)).toEqual(layout);
    expect(choose({ pushFrom: "here" })).toEqual(layout);
  });

  it("names temporary tags after the build and the platform", () => {
    const delivery = choose({ temporaryTags: true, buildId: "1f2e" });
    const reference = "registry.example/team/app:anyarch-1f2e-linux-arm64";
    expect(delivery).toEqual({ kind: "push-tag", reference });
    expect(temporaryTag(request, arm64)).toBeUndefined();
  });

  it("doesn't take the node's loopback for this machine's", () => {
    const tags = [parseReference("localhost:5000/app:1")];
    const pushed = { kind: "push-by-digest", repository: "localhost:5000/app" };
    expect(choose({ tags })).toEqual(layout);
    expect(choose({ tags }, { kind: "tcp", url: "tcp://127.0.0.1:1234" })).toEqual(pushed);
    expect(choose({ tags }, { kind: "unix", url: "unix:///run/b.sock" })).toEqual(pushed);
    expect(choose({ tags }, { kind: "container", url: "docker-container://b" })).toEqual(layout);
    expect(choose({ tags }, { kind: "ssh", url: "ssh://ci@arm", destination: "ci@arm" })).toEqual(layout);
  });
});
