/**
 * `npm run acceptance`: which acceptance rows no test shows. A test shows a row when its name, or that of a suite
 * around it, holds the row's id (`004-17`); `.skip` and `.todo` don't count.
 *
 *     npm run acceptance -- [--file PATH] [--only 004] [--strict]
 *
 * The rows come from PATH, default ../shared/ACCEPTANCE.md; without it the ids of tests/data/acceptance-ids.txt are
 * taken. Exit code 0; with `--strict` 1 when a row is without a test; 2 for wrong usage.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import ts from "typescript";

const project = resolve(import.meta.dirname, "..");
const idPattern = /(?<!\d)\d{3}-\d{2}(?!\d)/g;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Id → capability, in the file's order; the capability is empty where the file holds ids only. */
function readRows(path: string): Map<string, string> {
  const rows = new Map<string, string>();
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const row = /^\|\s*(\d{3}-\d{2})\s*\|\s*(.*?)\s*\|\s*$/.exec(line) ?? /^(\d{3}-\d{2})$/.exec(line.trim());
    if (row !== null) rows.set(row[1] ?? "", row[2] ?? "");
  }
  return rows;
}

/** `it`, `it.each(…)`, `describe.only` … as words: ["it", "each"]. */
function calleeWords(node: ts.Expression): string[] {
  if (ts.isIdentifier(node)) return [node.text];
  if (ts.isPropertyAccessExpression(node)) return [...calleeWords(node.expression), node.name.text];
  if (ts.isCallExpression(node)) return calleeWords(node.expression);
  if (ts.isTaggedTemplateExpression(node)) return calleeWords(node.tag);
  return [];
}

/** Names of the tests and suites of a file. */
function testNames(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest);
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [first = "", ...modifiers] = calleeWords(node.expression);
      if (["skip", "todo"].some((word) => modifiers.includes(word))) return;
      if (["it", "test", "describe", "describeWith"].includes(first)) {
        for (const argument of node.arguments) {
          if (ts.isStringLiteralLike(argument) || ts.isTemplateExpression(argument)) {
            names.push(argument.getText(source));
          }
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/** Id → the files whose tests name it. */
function readShown(): Map<string, Set<string>> {
  const shown = new Map<string, Set<string>>();
  const tests = join(project, "tests");
  for (const name of readdirSync(tests, { recursive: true, encoding: "utf8" }).sort()) {
    if (!name.endsWith(".test.ts")) continue;
    for (const title of testNames(join(tests, name))) {
      for (const [id] of title.matchAll(idPattern)) shown.set(id, (shown.get(id) ?? new Set()).add(name));
    }
  }
  return shown;
}

function main(): number {
  const { values } = parseArgs({
    options: {
      file: { type: "string", default: join(project, "../shared/ACCEPTANCE.md") },
      only: { type: "string", default: "" },
      strict: { type: "boolean", default: false },
    },
  });
  const path = existsSync(values.file) ? values.file : join(project, "tests/data/acceptance-ids.txt");
  const all = readRows(path);
  const rows = [...all].filter(([id]) => id.startsWith(values.only));
  const shown = readShown();
  const open = rows.filter(([id]) => !shown.has(id));
  for (const [id, capability] of open) say(`${id}  ${capability}`.trimEnd());
  for (const [id, files] of shown) {
    if (!all.has(id)) say(`${id}  is no row, but a test names it: ${[...files].join(", ")}`);
  }
  say(`${rows.length - open.length} of ${rows.length} rows have a test (${relative(project, path)}).`);
  return values.strict && open.length > 0 ? 1 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
