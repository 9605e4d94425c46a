/**
 * `npm run demo`: builds examples/hello-python for two platforms into dist/image, as a user would do it. Needs no
 * registry, daemon or emulator; the base image is made of Debian packages where a mirror is configured.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

function run(command: string, args: readonly string[]): number {
  return spawnSync(command, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

const tsc = join(root, "node_modules/typescript/bin/tsc");
const built = existsSync(tsc) ? run(process.execPath, [tsc, "-p", "tsconfig.build.json"]) : 0;
if (built !== 0) process.exit(built);

const args = [
  "build",
  "examples/hello-python",
  "--tag",
  "hello-python:demo",
  "--platform",
  "linux/amd64,linux/arm64",
];
process.stderr.write(`$ anyarch ${args.join(" ")}\n`);
process.exitCode = run(process.execPath, [join(root, "lib/cli/main.js"), ...args]);
