import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { binfmtLine, findBinfmt } from "../../../src/trial/binfmt.ts";
import { scratch } from "../archive/tree.ts";

/** As the kernel prints an entry (fs/binfmt_misc.c, entry_status). */
function entry(fields: {
  interpreter: string;
  flags: string;
  magic: string;
  mask?: string;
  enabled?: boolean;
}): string {
  const { interpreter, flags, magic, mask, enabled = true } = fields;
  const lines = [
    enabled ? "enabled" : "disabled",
    `interpreter ${interpreter}`,
    `flags: ${flags}`,
    "offset 0",
    `magic ${magic}`,
  ];
  return [...lines, ...(mask === undefined ? [] : [`mask ${mask}`]), ""].join("\n");
}

const aarch64 = "7f454c460201010000000000000000000200b700";
const mask = "ffffffffffffff00fffffffffffffffffeffffff";

function table(directory: string, entries: Readonly<Record<string, string>>, status = "enabled\n"): string {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries({ status, register: "", ...entries }))
    writeFileSync(join(directory, name), text);
  return directory;
}

describe("the kernel's table of interpreters", () => {
  it("is searched by magic number and mask, not by name", () => {
    using dir = scratch();
    const path = table(join(dir.path, "t"), {
      "qemu-arm": entry({
        interpreter: "/usr/bin/other",
        flags: "",
        magic: "7f454c4601010100",
        mask: "ffffffffffffff00",
      }),
      anything: entry({ interpreter: "/usr/bin/qemu", flags: "POCF", magic: aarch64, mask }),
    });
    expect(findBinfmt("arm64", path)).toEqual({
      name: "anything",
      interpreter: "/usr/bin/qemu",
      fixed: true,
    });
    expect(findBinfmt("riscv64", path)).toBe("none");
    expect(findBinfmt("s390x", path)).toBe("none");
  });

  it("passes over what is disabled, and knows when it knows nothing", () => {
    using dir = scratch();
    const disabled = entry({ interpreter: "/q", flags: "F", magic: aarch64, mask, enabled: false });
    expect(findBinfmt("arm64", table(join(dir.path, "a"), { x: disabled }))).toBe("none");
    const good = entry({ interpreter: "/q", flags: "", magic: aarch64, mask });
    expect(findBinfmt("arm64", table(join(dir.path, "b"), { x: good }))).toMatchObject({ fixed: false });
    expect(findBinfmt("arm64", table(join(dir.path, "c"), { x: good }, "disabled\n"))).toBe("none");
    expect(findBinfmt("arm64", join(dir.path, "none"))).toBe("unknown");
  });

  const kernel = "/proc/sys/fs/binfmt_misc";
  const own = (() => {
    try {
      return readdirSync(kernel).find((name) => readFileSync(join(kernel, name), "utf8").includes(aarch64));
    } catch {
      return undefined;
    }
  })();
  it.skipIf(own === undefined)("reads this machine's own as the kernel writes it", () => {
    expect(findBinfmt("arm64")).toMatchObject({ interpreter: expect.stringContaining("qemu") });
  });

  it("gets lines that the kernel can parse", () => {
    const line = binfmtLine("x", "s390x", "/emulator") ?? "";
    const [, name, type, offset, magic = "", bits = "", interpreter, flags] = line.split(":");
    expect({ name, type, offset, interpreter, flags }).toEqual({
      name: "x",
      type: "M",
      offset: "",
      interpreter: "/emulator",
      flags: "POCF",
    });
    expect(magic.replaceAll(String.raw`\x`, "")).toBe("7f454c4602020100000000000000000000020016");
    expect(bits.replaceAll(String.raw`\x`, "")).toBe("ffffffffffffff00fffffffffffffffffffeffff");
    expect(binfmtLine("x", "vax", "/emulator")).toBeUndefined();
  });
});
