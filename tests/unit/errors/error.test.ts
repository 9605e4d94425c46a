import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, property, string } from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errorCodes } from "../../../src/errors/codes.ts";
import { AnyarchError, toAnyarchError } from "../../../src/errors/error.ts";
import { printable, printableName } from "../../../src/errors/printable.ts";
import { systemReason, withPath } from "../../../src/errors/system-error.ts";
import { makeDirectory } from "../../../src/host/made-directory.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { readTextFile } from "../../../src/host/text-file.ts";

let temp: TempDir;
beforeEach(async () => {
  temp = await makeTempDir();
});
afterEach(() => temp[Symbol.asyncDispose]());

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** An error as the system gives it, of a kind that can't be had from every file system. */
function systemError(fields: Partial<NodeJS.ErrnoException> & { readonly dest?: string }): Error {
  return Object.assign(new Error(`${fields.code}: told by the system`), fields);
}

describe("errors of the system", () => {
  it("say in words what was read or written, and why it failed", async () => {
    const read = toAnyarchError(thrown(() => readFileSync(join(temp.path, "nothing"))));
    expect(read).toMatchObject({
      code: "INPUT_UNREADABLE",
      message: `${temp.path}/nothing can't be read: it isn't there.`,
    });
    expect(toAnyarchError(thrown(() => readFileSync(temp.path))).message).toMatch(/is a directory|EISDIR/);
    writeFileSync(join(temp.path, "file"), "");
    const made = toAnyarchError(thrown(() => mkdirSync(join(temp.path, "file/inside"))));
    expect(made.code).toBe("OUTPUT_UNWRITABLE");
    expect(made.message).toContain("file/inside can't be written: a part of its path is no directory");
    const copied: unknown = await copyFile(join(temp.path, "file"), join(temp.path, "no/where")).catch(
      (error) => error,
    );
    expect(toAnyarchError(copied).message).toContain("no/where");
  });

  it("name the place of a file in the making, not the file", () => {
    const path = "/data/cache/blobs/.tmp-12-ab";
    const full = toAnyarchError(withPath(systemError({ code: "ENOSPC", syscall: "write" }), path));
    expect(full).toMatchObject({
      code: "DISK_FULL",
      exitCode: 1,
      message: "No space is left in /data/cache/blobs.",
    });
    const denied = toAnyarchError(
      systemError({ code: "EACCES", syscall: "open", path: "/out/.anyarch-3-4/x" }),
    );
    expect(denied.message).toBe("/out can't be written: permission is denied.");
    const wrapped = new Error("outside", {
      cause: systemError({ code: "EROFS", syscall: "open", path: "/ro/f" }),
    });
    expect(toAnyarchError(wrapped)).toMatchObject({ code: "OUTPUT_UNWRITABLE", exitCode: 2 });
    expect(systemReason(wrapped)).toBe("the file system is read-only");
  });

  it("are told instead of what cleaning up after them met", () => {
    const suppressed = new AnyarchError("DISK_FULL", "No space.");
    const error = Object.assign(new Error("suppressed"), { error: new Error("rm failed"), suppressed });
    expect(toAnyarchError(error)).toBe(suppressed);
    expect(toAnyarchError(new TypeError("x is undefined")).code).toBe("INTERNAL");
  });

  it("always come with a way on", () => {
    for (const [code, info] of Object.entries(errorCodes)) {
      if (code !== "CANCELLED") expect("hint" in info && info.hint !== "", code).toBe(true);
    }
  });
});

describe("printable text", () => {
  it("keeps no character that a terminal obeys but line feeds and tabs", () => {
    expect(printable("a\u001b[31mb\u202ec\r\n\td")).toBe(String.raw`a\x1b[31mb\u202ec\x0d` + "\n\td");
    expect(printableName("a\nb\tc\u0007")).toBe(String.raw`a\nb\tc\x07`);
    expect(new AnyarchError("USAGE", "bad \u001b]0;title\u0007").message).not.toMatch(/\p{Cc}/u);
    assert(
      property(string({ unit: "binary" }), (text) => {
        expect(printableName(text)).not.toMatch(/\p{Cc}/u);
        expect(printable(text).replaceAll(/[\n\t]/g, "")).not.toMatch(/\p{Cc}/u);
      }),
    );
    expect(printable("grüße, 世界 🎉")).toBe("grüße, 世界 🎉");
  });
});

describe("directories that are made", () => {
  it("are taken back as far as they are new and empty", async () => {
    const takeBack = await makeDirectory(join(temp.path, "a/b/c"));
    expect(statSync(join(temp.path, "a/b/c")).isDirectory()).toBe(true);
    await takeBack();
    expect(readdirSync(temp.path)).toEqual([]);
    mkdirSync(join(temp.path, "a"));
    const again = await makeDirectory(join(temp.path, "a/b/c"));
    writeFileSync(join(temp.path, "a/b/file"), "");
    await again();
    expect(readdirSync(join(temp.path, "a/b"))).toEqual(["file"]);
    await (
      await makeDirectory(join(temp.path, "a"))
    )();
    expect(readdirSync(temp.path)).toEqual(["a"]);
  });
});

describe("text files", () => {
  it("are files, or what the shell puts below /dev", () => {
    writeFileSync(join(temp.path, "file"), "text");
    expect(readTextFile(join(temp.path, "file"))).toBe("text");
    expect(readTextFile("/dev/null")).toBe("");
    expect(thrown(() => readTextFile(join(temp.path, "nothing")))).toMatchObject({ code: "ENOENT" });
  });
});
