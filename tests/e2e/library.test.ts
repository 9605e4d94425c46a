import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, it } from "vitest";
import { root } from "./anyarch.ts";

it("leads with every import of the built library to a file", () => {
  const lib = join(root, "lib");
  const files = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".js"),
  );
  expect(files.length).toBeGreaterThan(100);
  const lost: string[] = [];
  for (const name of files) {
    const path = join(lib, name);
    const text = readFileSync(path, "utf8");
    for (const [, target = ""] of text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)"(\.[^"]+)"/g)) {
      if (!existsSync(resolve(dirname(path), target))) lost.push(`${relative(lib, path)} → ${target}`);
    }
  }
  expect(lost).toEqual([]);
});
