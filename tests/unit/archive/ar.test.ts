import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { openArMember, readArMembers } from "../../../src/archive/ar.ts";
import { decompressLayer } from "../../../src/archive/decompress.ts";
import { readTar } from "../../../src/archive/tar-reader.ts";
import { collect, run, scratch } from "./tree.ts";

// Real programs are run, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const invalid = expect.objectContaining({ code: "ARCHIVE_INVALID" }) as unknown;

function member(name: string, content: string): Buffer {
  const header = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}`;
  const size = String(Buffer.byteLength(content)).padEnd(10);
  return Buffer.from(`${header}${size}\`\n${content}${content.length % 2 === 1 ? "\n" : ""}`);
}

const archive = (...members: Buffer[]): Buffer => Buffer.concat([Buffer.from("!<arch>\n"), ...members]);

describe("readArMembers", () => {
  for (const compression of ["gzip", "xz", "zstd", "none"]) {
    it(`reads a package that dpkg-deb made with ${compression}`, async () => {
      using directory = scratch();
      const root = join(directory.path, "root");
      mkdirSync(join(root, "DEBIAN"), { recursive: true });
      mkdirSync(join(root, "usr/share/demo"), { recursive: true });
      const control =
        "Package: demo\nVersion: 1.0\nArchitecture: arm64\nMaintainer: A <a@b.c>\nDescription: demo\n";
      writeFileSync(join(root, "DEBIAN/control"), control);
      writeFileSync(join(root, "usr/share/demo/file"), "demo\n".repeat(9999));
      const deb = join(directory.path, "demo.deb");
      run("dpkg-deb", ["--root-owner-group", `-Z${compression}`, "-b", root, deb]);

      const members = readArMembers(deb);
      expect(members.map(({ name }) => name.replace(/\.(?:gz|xz|zst)$/, ""))).toEqual([
        "debian-binary",
        "control.tar",
        "data.tar",
      ]);
      const [version, meta, data] = members;
      if (version === undefined || meta === undefined || data === undefined) throw new Error("members");
      expect((await collect(openArMember(deb, version))).toString()).toBe("2.0\n");
      const found: Record<string, string> = {};
      for (const part of [meta, data]) {
        await readTar(decompressLayer(openArMember(deb, part), "auto"), async (header, content) => {
          if (header.type === "file") found[header.path] = (await content.bytes()).toString();
        });
      }
      expect(found).toEqual({ "./control": control, "./usr/share/demo/file": "demo\n".repeat(9999) });
    });
  }

  it("reads GNU's long names as ar writes them", async () => {
    using directory = scratch();
    const names = ["a", "a-name-of-more-than-fifteen-characters.o", "odd-length"];
    for (const [index, name] of names.entries()) {
      writeFileSync(join(directory.path, name), "x".repeat(index + 3));
    }
    const path = join(directory.path, "lib.a");
    run("ar", ["rc", path, ...names], undefined, directory.path);
    const members = readArMembers(path);
    expect(members.map(({ name, size }) => [name, size])).toEqual(
      names.map((name, index) => [name, index + 3]),
    );
    for (const item of members) {
      expect(await collect(openArMember(path, item))).toEqual(readFileSync(join(directory.path, item.name)));
    }
  });

  it("reads BSD's long names and empty members", async () => {
    using directory = scratch();
    const path = join(directory.path, "bsd.a");
    writeFileSync(path, archive(member("#1/20", `a long name.o${"\0".repeat(7)}body`), member("empty", "")));
    const members = readArMembers(path);
    expect(members.map(({ name, size }) => [name, size])).toEqual([
      ["a long name.o", 4],
      ["empty", 0],
    ]);
    const contents = await Promise.all(members.map((item) => collect(openArMember(path, item))));
    expect(contents.map(String)).toEqual(["body", ""]);
  });

  it("refuses what is malformed", () => {
    using directory = scratch();
    const path = join(directory.path, "bad.a");
    const good = archive(member("file", "content"));
    const bad = [
      Buffer.alloc(0),
      Buffer.from("!<arch>"),
      Buffer.from("not an archive at all"),
      good.subarray(0, 40),
      good.subarray(0, good.length - 3),
      archive(member("/12", "x")),
      archive(member("#1/99", "x")),
      archive(member("", "x")),
      Buffer.from(good.toString("latin1").replace("7   ", "7x  "), "latin1"),
      Buffer.from(good.toString("latin1").replace("`\n", "``"), "latin1"),
    ];
    for (const [index, bytes] of bad.entries()) {
      writeFileSync(path, bytes);
      expect(() => readArMembers(path), `${index}`).toThrow(invalid);
    }
    expect(() => readArMembers(join(directory.path, "none"))).toThrow(
      expect.objectContaining({ code: "INPUT_UNREADABLE" }) as Error,
    );
  });
});
