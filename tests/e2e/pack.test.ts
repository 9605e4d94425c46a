import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../src/host/temp-dir.ts";
import { run } from "../engines/process.ts";
import { copyExample, root } from "./anyarch.ts";
import { makeTinyBase } from "./bad-input/tiny-base.ts";

/** The package as npm would publish it, installed where nothing else is. */
describe("the packed package", () => {
  let temp: TempDir;
  let installed: string;
  const npm = (args: readonly string[], cwd: string) =>
    run("npm", [...args, "--no-audit", "--no-fund", "--ignore-scripts"], { cwd });

  beforeAll(async () => {
    temp = await makeTempDir();
    // lib/ is built already: packing it again is all that the script before would do.
    await npm(["pack", "--pack-destination", temp.path], root);
    const tarball = readdirSync(temp.path).find((name) => name.endsWith(".tgz")) ?? "";
    installed = join(temp.path, "empty");
    await mkdir(installed);
    await writeFile(join(installed, "package.json"), "{}");
    await npm(["install", "--prefer-offline", join(temp.path, tarball)], installed);
  });
  afterAll(() => temp[Symbol.asyncDispose]());

  it("brings its command and what that needs, and nothing of the development", async () => {
    const { version, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      version: string;
      dependencies: object;
    };
    const { stdout } = await run("npx", ["--no-install", "anyarch", "--version"], { cwd: installed });
    expect(stdout).toBe(`${version}\n`);
    const own = join(installed, "node_modules/anyarch");
    for (const name of ["src", "tests", "scripts", "tsconfig.json", "node_modules/typescript"])
      expect(existsSync(join(own, name))).toBe(false);
    for (const name of Object.keys(dependencies))
      expect(existsSync(join(installed, "node_modules", name))).toBe(true);
    for (const name of ["typescript", "vitest", "tsx"])
      expect(existsSync(join(installed, "node_modules", name))).toBe(false);
  });

  it("builds images, from the command line and from a program", async () => {
    const base = await makeTinyBase(join(temp.path, "base"));
    const app = copyExample("hello-python", join(temp.path, "app"));
    const env = { ANYARCH_CACHE_DIR: join(temp.path, "cache"), HOME: temp.path };
    const args = ["build", app, "-t", "hello:1", "-p", "linux/amd64,linux/arm64", "-b", base, "--quiet"];
    const { stdout } = await run("npx", ["--no-install", "anyarch", ...args], { cwd: installed, env });
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    await writeFile(
      join(installed, "program.mjs"),
      `import { build, inspect } from "anyarch";
       const options = { context: process.argv[2], baseImage: process.argv[3], platforms: ["linux/amd64", "linux/arm64"] };
       const { digest } = await build(options);
       const { platforms } = await inspect("oci:dist/image");
       console.log(digest, ...platforms.map(({ platform }) => platform));`,
    );
    const program = await run(process.execPath, ["program.mjs", app, base], { cwd: installed, env });
    expect(program.stdout).toBe(`${stdout.trim()} linux/amd64 linux/arm64\n`);
  });
});
