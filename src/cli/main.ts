#!/usr/bin/env node
// The commonest call of all costs no more than reading one small file: no module is imported for it.
function version(): string {
  const path = `${import.meta.dirname}/../../package.json`;
  const text = process.getBuiltinModule("node:fs").readFileSync(path, "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

const [first] = process.argv.slice(2);
if (first === "--version" || first === "-V") {
  process.stdout.write(`${version()}\n`);
} else {
  const { runProgram } = await import("./program.ts");
  process.exitCode = await runProgram(process.argv.slice(2), version());
}
