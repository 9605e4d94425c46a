import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../src/cli/commands.ts";

const root = resolve(import.meta.dirname, "..");
const lib = join(root, "lib");

describe("the compiled package", () => {
  it("imports only compiled files", () => {
    // TypeScript leaves dynamic imports alone in functions that have `await using`.
    const compiled = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".js"),
    );
    const offenders = compiled.filter((name) =>
      /(?:from |import\()"\.[^"]*\.ts"/.test(readFileSync(join(lib, name), "utf8")),
    );
    expect(compiled.length).toBeGreaterThan(100);
    expect(offenders).toEqual([]);
  });

  it("says its version without loading anything else", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    const run = spawnSync(process.execPath, [join(lib, "cli/main.js"), "--version"], { encoding: "utf8" });
    expect(run.stdout).toBe(`${version}\n`);
    expect(run.status).toBe(0);
  });

  it("knows each file of commands/", async () => {
    const files = readdirSync(join(root, "src/cli/commands")).map((name) => name.replace(/\.ts$/, ""));
    expect(Object.keys(commands)).toHaveLength(files.length);
    for (const entry of Object.values(commands)) {
      const module = await entry.load();
      expect(typeof module.configure).toBe("function");
      expect(typeof module.run).toBe("function");
    }
  });
});
