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
  const code = await runProgram(process.argv.slice(2), version());
  // A result that could not be written has set it already.
  if (code !== 0 || process.exitCode === undefined) process.exitCode = code;
}
