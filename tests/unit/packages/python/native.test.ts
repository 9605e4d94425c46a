import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stageFlow } from "../../../../src/dockerfile/flow.ts";
import { parseDockerfile } from "../../../../src/dockerfile/parse.ts";
import { AnyarchError } from "../../../../src/errors/error.ts";
import { formatPlatform, parsePlatform } from "../../../../src/oci/platform.ts";
import { buildNative } from "../../../../src/packages/python/build-native.ts";
import { explainUnavailable } from "../../../../src/packages/python/explain.ts";
import { wheelDirectory } from "../../../../src/packages/python/native-recipe.ts";
import { pipConfig } from "../../../../src/packages/python/pip-config.ts";
import { planNative } from "../../../../src/packages/python/plan-native.ts";
import { readPythonDependencies } from "../../../../src/packages/python/requirements.ts";
import { selectPackages } from "../../../../src/packages/python/select.ts";
import type { WheelBuilder, WheelOrder } from "../../../../src/packages/python/wheel-builder.ts";
import { wheelDockerfile } from "../../../../src/packages/python/wheel-dockerfile.ts";
import { glibcTarget, workspace } from "./fixture.ts";
import { makeWheel, sha256 } from "./wheel-fixture.ts";

const image = `docker.io/library/python@sha256:${"a".repeat(64)}`;
const index = { indexes: [], useDefault: true, findLinks: [], trustedHosts: [] };

describe("wheelDockerfile", () => {
  const text = wheelDockerfile({ image, packages: ["libffi-dev"] }, "native-1.0.tar.gz");

  it("builds on the target's platform from the named image, and leaves the wheel only", () => {
    const dockerfile = parseDockerfile(text);
    const [amd64, arm64] = ["linux/amd64", "linux/arm64"].map(parsePlatform);
    if (amd64 === undefined || arm64 === undefined) throw new Error("no platform");
    const runs = stageFlow(dockerfile, {
      target: undefined,
      buildArgs: {},
      buildPlatform: amd64,
      targetPlatform: arm64,
    });
    expect(JSON.stringify(runs)).toContain("build");
    expect(text.split("\n")[0]).toBe(`FROM ${image} AS build`);
    expect(text.trimEnd().split("\n").slice(-2)).toEqual([
      "FROM scratch",
      "COPY --from=build /anyarch/wheels/ /",
    ]);
  });

  it("takes the index as a secret, and installs a compiler where nobody names one", () => {
    expect(text).toContain("--mount=type=secret,id=pip.conf,target=/etc/pip.conf");
    expect(text).toMatch(/set -- libffi-dev; command -v cc .*set -- "\$@" g\+\+/);
    const named = wheelDockerfile({ image, packages: ["gcc-12", "libffi-dev"] }, "native-1.0.tar.gz");
    expect(named).toContain("set -- gcc-12 libffi-dev; test");
    expect(named).not.toContain("g++");
  });
});

describe("pipConfig", () => {
  it("says what indexes there are, without directories of this machine", () => {
    const indexes = ["https://me:pass@a.example/simple", "https://b.example/simple"];
    const config = { ...index, useDefault: false, indexes, findLinks: ["/wheels", "https://c.example/w"] };
    expect(pipConfig({ ...config, trustedHosts: ["a.example"], certificates: "/ca.pem" })).toBe(
      [
        "[global]",
        "index-url = https://me:pass@a.example/simple",
        "extra-index-url = https://b.example/simple",
        "find-links = https://c.example/w",
        "trusted-host = a.example",
        "cert = /run/secrets/ca",
        "",
      ].join("\n"),
    );
    expect(pipConfig(index)).toBe("[global]\n");
    expect(pipConfig({ ...index, useDefault: false })).toBe("[global]\nno-index = true\n");
  });
});

describe("wheelDirectory", () => {
  it("is another one for whatever the wheel depends on", async () => {
    const { ctx } = await workspace();
    const python = glibcTarget("linux/arm64");
    const stage = { image, packages: ["gcc", "libffi-dev"] };
    const of = (change: object, source = "1".repeat(64)): string =>
      wheelDirectory(source, { python, stage, ...change }, ctx);
    const all = [
      of({}),
      of({}, "2".repeat(64)),
      of({ python: glibcTarget("linux/amd64") }),
      of({ python: { ...python, python: "3.11.9" } }),
      of({ python: { ...python, libc: { family: "glibc", version: "2.41" } } }),
      of({ python: { ...python, libc: { family: "musl", version: "1.2" } } }),
      of({ stage: { ...stage, image: image.replace("aaa", "bbb") } }),
      of({ stage: { ...stage, packages: ["gcc"] } }),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(of({ stage: { image, packages: ["libffi-dev", "gcc"] } })).toBe(all[0]);
  });
});

/** A builder of which machines are known for `machines` only, and that makes a wheel with `tag` of anything. */
function fakeBuilder(root: string, machines: readonly string[], tag: (platform: string) => string) {
  const orders: (WheelOrder & { readonly pipConfig: string })[] = [];
  const site = { node: "ssh://arm", placement: "native" } as const;
  const builder: WheelBuilder = {
    image: () => Promise.resolve(undefined),
    packages: [],
    place: (_text, platforms) =>
      Promise.resolve(
        new Map(
          platforms.map(formatPlatform).map((name) => [
            name,
            machines.includes(name)
              ? site
              : new AnyarchError("BUILDER_LACKS_PLATFORM", `No builder was found for ${name}.`, {
                  hint: "Name one: --builder.",
                }),
          ]),
        ),
      ),
    build(order) {
      orders.push({ ...order, pipConfig: readFileSync(order.secrets["pip.conf"] ?? "", "utf8") });
      return Promise.resolve(
        new Map(
          order.platforms.map(formatPlatform).map((name) => {
            const wheel = makeWheel({ name: "native", tag: tag(name), purelib: false });
            const path = join(root, wheel.filename);
            writeFileSync(path, wheel.bytes);
            return [name, { path, ...site }];
          }),
        ),
      );
    },
  };
  return { builder, orders };
}

const linux = (name: string): string => `cp311-cp311-linux_${name === "linux/arm64" ? "aarch64" : "x86_64"}`;

describe("planNative and buildNative", () => {
  async function selected() {
    const space = await workspace();
    const bytes = Buffer.from("an archive");
    writeFileSync(join(space.root, "native-1.0.tar.gz"), bytes);
    const lines = [
      "--no-index",
      `--find-links ${space.root}`,
      `native==1.0 --hash=sha256:${sha256(bytes)}`,
      "",
    ];
    writeFileSync(join(space.project, "requirements.txt"), lines.join("\n"));
    const dependencies = await readPythonDependencies(space.project, {}, space.ctx);
    const pythons = ["linux/amd64", "linux/arm64"].map((one) => glibcTarget(one));
    const selection = await selectPackages(dependencies, pythons, space.ctx);
    return { ...space, pythons, selection, targets: pythons.map((python) => ({ python, image })) };
  }

  it("build for the platforms that have a machine, once", async () => {
    const { ctx, pythons, root, selection, targets } = await selected();
    const { builder, orders } = fakeBuilder(root, ["linux/arm64"], linux);
    const plan = await planNative(selection, targets, builder, ctx);
    const kinds = Object.values(plan.rows[0]?.choices ?? {}).map(({ kind }) => kind);
    expect(kinds).toEqual(["source", "build"]);
    const error = explainUnavailable(plan, pythons.slice(0, 1));
    expect(error?.message).toMatch(/can't build: No builder was found for linux\/amd64\.$/);
    expect(error?.hint).toMatch(/- Name one: --builder\.\n/);
    const built = await buildNative(plan, { targets: pythons, index, builder }, ctx);
    expect(built.rows[0]?.choices["linux/arm64"]).toMatchObject({
      kind: "wheel",
      tag: "cp311-cp311-linux_aarch64",
      built: "built by BuildKit on ssh://arm, native",
    });
    expect(orders.map(({ pipConfig: text }) => text)).toEqual(["[global]\n"]);
    const again = await planNative(selection, targets, fakeBuilder(root, [], linux).builder, ctx);
    expect(again.rows[0]?.choices["linux/arm64"]).toMatchObject({
      kind: "wheel",
      built: "built before by BuildKit",
    });
  });

  it("refuse a wheel whose tag doesn't fit the target", async () => {
    const { ctx, pythons, root, selection, targets } = await selected();
    const { builder } = fakeBuilder(root, ["linux/amd64", "linux/arm64"], () => linux("linux/amd64"));
    const plan = await planNative(selection, targets, builder, ctx);
    const built = await buildNative(plan, { targets: pythons, index, builder }, ctx);
    expect(built.rows[0]?.choices["linux/amd64"]).toMatchObject({ kind: "wheel" });
    expect(built.rows[0]?.choices["linux/arm64"]).toMatchObject({
      kind: "source",
      unbuilt: {
        message: expect.stringMatching(/x86_64\.whl, which isn't for CPython 3\.11.* linux\/arm64/) as string,
      },
    });
  });

  it("refuse a source that isn't the locked one", async () => {
    const { ctx, root, selection, targets } = await selected();
    writeFileSync(join(root, "native-1.0.tar.gz"), "another archive");
    const { builder } = fakeBuilder(root, ["linux/amd64", "linux/arm64"], linux);
    const planned = planNative(selection, targets, builder, ctx);
    await expect(planned).rejects.toMatchObject({ code: "HASH_MISMATCH" });
  });

  it("say that a base which isn't in a registry needs a build image", async () => {
    const { ctx, pythons, root, selection } = await selected();
    const targets = pythons.map((python) => ({ python, image: undefined }));
    const { builder } = fakeBuilder(root, ["linux/amd64", "linux/arm64"], linux);
    const plan = await planNative(selection, targets, builder, ctx);
    expect(explainUnavailable(plan, pythons)?.hint).toContain("[python] build_image");
  });
});
