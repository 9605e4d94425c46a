import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { allowedImports } from "../scripts/allowed-imports.ts";

const source = resolve(import.meta.dirname, "../src");

function sourceFiles(): string[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(source, name));
}

/** The folder under src/ that a file belongs to; "index.ts" for the package's front door. */
function areaOf(file: string): string {
  return relative(source, file).split("/")[0] ?? "";
}

const importPattern = /(?:from\s+|import\s*\(\s*|import\s+)"(\.[^"]+)"/g;
/** What is loaded with a module: neither types nor import(). */
const staticImportPattern = /^(?:import|export) (?!type\b)[^;]*?from "(\.[^"]+)"/gm;

describe("architecture", () => {
  const files = sourceFiles();

  it("imports only in the allowed direction", () => {
    const offences: string[] = [];
    for (const file of files) {
      const from = areaOf(file);
      for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(importPattern)) {
        const to = areaOf(resolve(dirname(file), specifier));
        const allowed = allowedImports[from];
        if (allowed === undefined)
          offences.push(`${from}/ is not in the table of scripts/allowed-imports.ts`);
        else if (to !== from && !["errors", "events"].includes(to) && !allowed.includes(to)) {
          offences.push(`${relative(source, file)} → ${specifier}: ${from}/ may not import ${to}/`);
        }
      }
    }
    expect(offences).toEqual([]);
  });

  it("has no cycle in the table", () => {
    const visit = (area: string, path: readonly string[]): void => {
      expect(path, `cycle: ${[...path, area].join(" → ")}`).not.toContain(area);
      for (const next of allowedImports[area] ?? []) visit(next, [...path, area]);
    };
    for (const area of Object.keys(allowedImports)) visit(area, []);
  });

  it("loads for the command line nothing but itself, errors and the front door until a command works", () => {
    const loaded = new Set<string>();
    const load = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(staticImportPattern))
        load(resolve(dirname(file), specifier));
    };
    for (const file of files) if (relative(source, file).startsWith("cli/commands/")) load(file);
    load(join(source, "cli/program.ts"));
    expect(loaded.size).toBeGreaterThan(10);
    const heavy = [...loaded].filter((file) => !["cli", "api", "errors", "index.ts"].includes(areaOf(file)));
    expect(heavy.map((file) => relative(source, file))).toEqual([]);
    expect([...loaded].map((file) => relative(source, file))).not.toContain("cli/render/table.ts");
  });

  it("writes to the terminal only from cli/", () => {
    const offenders = files.filter(
      (file) =>
        areaOf(file) !== "cli" && /\bconsole\.|process\.std(?:out|err)\b/.test(readFileSync(file, "utf8")),
    );
    expect(offenders.map((file) => relative(source, file))).toEqual([]);
  });

  it("has no file called utils, helpers, common or manager", () => {
    const banned = files.filter((file) =>
      /(?:^|[/-])(?:utils?|helpers?|common|managers?)(?:[/.-]|$)/.test(relative(source, file)),
    );
    expect(banned).toEqual([]);
  });
});
