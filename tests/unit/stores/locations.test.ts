import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { openStore, parseLocation } from "../../../src/stores/locations.ts";

const digest = `sha256:${"a".repeat(64)}`;
let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "anyarch-locations-"));
  for (const name of ["dist/image", "with:colon"]) {
    mkdirSync(join(cwd, name), { recursive: true });
    writeFileSync(join(cwd, name, "index.json"), "{}");
  }
});
afterAll(() => rmSync(cwd, { recursive: true }));

describe("parseLocation", () => {
  it.each([
    ["oci:out", "oci", "out", ""],
    ["oci:out:1.0", "oci", "out", "1.0"],
    ["oci:/abs/out:1.0", "oci", "/abs/out", "1.0"],
    [`oci:out@${digest}`, "oci", "out", digest],
    ["oci:out:docker.io/library/app:1.0", "oci", "out", "docker.io/library/app:1.0"],
    ["oci:with:colon", "oci", "with:colon", ""],
    ["oci-archive:a.tar", "oci-archive", "a.tar", ""],
    ["oci-archive:a.tar:1.0", "oci-archive", "a.tar", "1.0"],
    ["docker-archive:a.tar:app:1.0", "docker-archive", "a.tar", "app:1.0"],
    [
      "docker-archive:dir/a.tar:reg.example:5000/app:1.0",
      "docker-archive",
      "dir/a.tar",
      "reg.example:5000/app:1.0",
    ],
    ["dist/image", "oci", "dist/image", ""],
    ["./dist/image", "oci", "dist/image", ""],
    ["dist/image:1.0", "oci", "dist/image", "1.0"],
    ["dist/image:app:1.0", "oci", "dist/image", "app:1.0"],
    ["dist/image:localhost:5000/team/app:1.0", "oci", "dist/image", "localhost:5000/team/app:1.0"],
    ["with:colon:1.0", "oci", "with:colon", "1.0"],
    [`dist/image@${digest}`, "oci", "dist/image", digest],
  ])("reads %s", (text, transport, path, reference) => {
    expect(parseLocation(text, cwd)).toEqual({
      transport,
      path: path.startsWith("/") ? path : join(cwd, path),
      reference,
    });
  });

  it.each([
    ["docker://python:3.11-slim", { registry: "docker.io", repository: "library/python", tag: "3.11-slim" }],
    ["python", { registry: "docker.io", repository: "library/python" }],
    ["localhost:5000/app:1", { registry: "localhost:5000", repository: "app", tag: "1" }],
    ["docker", { registry: "docker.io", repository: "library/docker" }],
    ["dist/other", { registry: "docker.io", repository: "dist/other" }],
  ])("reads %s as a registry's", (text, reference) => {
    expect(parseLocation(text, cwd)).toEqual({ transport: "docker", reference });
  });

  it.each([
    "",
    "oci:",
    "oci::tag",
    "docker-daemon:app:1",
    "containers-storage:app",
    "ocidir:./x",
    "http://x/y",
    "./missing",
    "/missing",
  ])('refuses "%s" and lists the transports', (text) => {
    expect(() => parseLocation(text, cwd)).toThrow(
      expect.objectContaining({
        code: "LOCATION_INVALID",
        hint: expect.stringContaining("oci-archive:FILE[:TAG]"),
      }),
    );
  });

  it("says how an image comes into Docker", () => {
    expect(() => parseLocation("docker-daemon:app:1", cwd)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("docker load -i image.tar") }),
    );
  });

  it("opens each as the store that it names", async () => {
    const ctx = createContext(createNodeHost({ env: { HOME: cwd }, cwd }));
    const open = async (text: string): Promise<[string, string]> => {
      await using opened = await openStore(text, {}, ctx);
      return [opened.store.name, opened.reference];
    };
    expect(await open("app:2")).toEqual(["docker.io/library/app", "2"]);
    expect(await open("app")).toEqual(["docker.io/library/app", "latest"]);
    expect(await open("dist/image:1.0")).toEqual(["oci:dist/image", "1.0"]);
    expect(await open("oci:out")).toEqual(["oci:out", ""]);
    expect(await open("oci-archive:a.tar:1")).toEqual(["oci-archive:a.tar", "1"]);
    expect(await open("docker-archive:a.tar:app:1")).toEqual(["docker-archive:a.tar", "app:1"]);
  });
});
