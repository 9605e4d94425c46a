import { randomUUID } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { type ErrorCode, errorCodes } from "../../../src/errors/codes.ts";
import { anyarch, type Run, type RunOptions } from "../anyarch.ts";
import { processesMarked, snapshot, unfinishedIn } from "./leftovers.ts";
import { makeTinyBase } from "./tiny-base.ts";

/** What all scenes of a file share: a base image, and an image that was built well. */
export interface Stage extends Disposable {
  /** For --base-image. */
  readonly base: string;
  /** A layout that lies in dist/image before each bad build. */
  readonly goodImage: string;
}

/** An application beside an earlier good image, with a cache, home and temporary directory of its own. */
export interface Scene extends Disposable {
  readonly root: string;
  readonly app: string;
  readonly cache: string;
  readonly temp: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly base: string;
  /** Writes a file of the application. */
  write(path: string, content: string | Buffer): void;
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** `anyarch build . --base-image BASE …`. */
  build(args?: readonly string[], options?: RunOptions): Promise<Run>;
  /** What there is of a run beside its output: to be the same before and after. */
  state(): Record<string, string>;
  /** Throws where a run left something unfinished, or a process. */
  expectTidy(): void;
}

const project = `[project]
name = "demo"
version = "1.0"
requires-python = ">=3.11"

[project.scripts]
demo = "app:main"
`;

const program = "def main():\n    print('demo')\n";

export async function makeStage(): Promise<Stage> {
  const root = mkdtempSync(join(tmpdir(), "stage-"));
  chmodSync(root, 0o755); // Some runs are those of another user.
  const base = await makeTinyBase(join(root, "base"));
  const stage = { base, goodImage: join(root, "image") };
  using scene = openScene(stage);
  rmSync(join(scene.app, "dist"), { recursive: true, force: true });
  const built = await scene.build(["--tag", "demo:0.9", "--platform", "linux/amd64,linux/arm64"]);
  expect(built, built.stderr).toMatchObject({ code: 0 });
  cpSync(join(scene.app, "dist/image"), stage.goodImage, { recursive: true });
  return { ...stage, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

/** The machine's own settings for proxies, indexes and colours would change what is tested. */
function neutralEnvironment(): Record<string, undefined> {
  const names = Object.keys(process.env).filter((name) =>
    /^(?:PIP|UV|VIRTUAL_ENV|GITHUB|CI|DOCKER|REGISTRY|NO_COLOR|FORCE_COLOR|ANYARCH|XDG)|proxy$/i.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

export function openScene(stage: Pick<Stage, "base" | "goodImage">): Scene {
  const root = mkdtempSync(join(tmpdir(), "scene-"));
  const [app, cache, temp, home] = ["app", "cache", "temp", "home"].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const directory of [app, temp, home]) mkdirSync(directory);
  const mark = randomUUID();
  const env = {
    ...neutralEnvironment(),
    HOME: home,
    TMPDIR: temp,
    ANYARCH_CACHE_DIR: cache,
    PIP_CONFIG_FILE: "/dev/null",
    SCENE: mark,
  };
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(app, path)), { recursive: true });
    writeFileSync(join(app, path), content);
  };
  write("pyproject.toml", project);
  write("app.py", program);
  if (existsSync(stage.goodImage)) cpSync(stage.goodImage, join(app, "dist/image"), { recursive: true });
  const run = (args: readonly string[], options: RunOptions = {}): Promise<Run> =>
    anyarch(args, { cwd: app, ...options, env: { ...env, ...options.env } });
  return {
    root,
    app,
    cache,
    temp,
    env,
    base: stage.base,
    write,
    run,
    build: (args = [], options = {}) => run(["build", ".", "--base-image", stage.base, ...args], options),
    state: () => snapshot(app),
    expectTidy: () => {
      expect(unfinishedIn(app), "unfinished in the application").toEqual([]);
      expect(unfinishedIn(cache), "unfinished in the cache").toEqual([]);
      expect(readdirSync(temp), "left in TMPDIR").toEqual([]);
      expect(existsSync(join(app, "anyarch.lock")), "anyarch.lock was written").toBe(false);
      expect(processesMarked(mark), "still running").toEqual([]);
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

export interface Failure {
  readonly code: ErrorCode;
  /** What message and hint have to say: the thing that failed, the reason, the way on. */
  readonly says: readonly (string | RegExp)[];
  /** What neither may say. */
  readonly hides?: readonly string[];
}

/** One failed run in text: exit code, code, substance, a hint, nothing on stdout. */
export function expectFailureText(run: Run, { code, says, hides = [] }: Failure): void {
  expect(run.stderr).toContain(`[${code}]`);
  expect(run.code, run.stderr).toBe(errorCodes[code].exit);
  expect(run.stdout, "a failed run has no result").toBe("");
  const error = run.stderr.slice(run.stderr.search(/^error /m));
  for (const part of says) {
    if (typeof part === "string") expect(error).toContain(part);
    else expect(error).toMatch(part);
  }
  expect(error, "no way on is given").toMatch(/^ {2}\S.*\n(?: {2}.*\n)* {2}\[/m);
  for (const part of hides) expect(run.stderr).not.toContain(part);
  expect(run.stderr, "a defect's stack trace").not.toMatch(/^\s+at .*:\d+:\d+/m);
}

/** The same with --format json: stdout is exactly one error object. */
function expectFailureJson(run: Run, { code, says, hides = [] }: Failure): void {
  expect(run.code, run.stderr).toBe(errorCodes[code].exit);
  const lines = run.stdout.split("\n");
  expect(lines, run.stdout).toHaveLength(2);
  expect(lines[1]).toBe("");
  const error = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  expect(error).toMatchObject({ schema: "anyarch.error/v1", code });
  expect(typeof error["details"]).toBe("object");
  const text = `${String(error["message"])}\n${String(error["hint"])}`;
  expect(error["hint"], "no way on is given").toBeTruthy();
  for (const part of says) {
    if (typeof part === "string") expect(text).toContain(part);
    else expect(text).toMatch(part);
  }
  for (const part of hides) expect(run.stdout).not.toContain(part);
}

/**
 * Runs a command line that must fail, in text and then with --format json, and holds what is there afterwards
 * against what was there before: not a byte of the application and its earlier image may differ.
 */
export async function expectFailure(
  scene: Scene,
  args: readonly string[],
  failure: Failure,
  options: RunOptions = {},
): Promise<void> {
  const before = scene.state();
  expectFailureText(await scene.run(args, options), failure);
  scene.expectTidy();
  expectFailureJson(await scene.run([...args, "--format", "json"], options), failure);
  scene.expectTidy();
  expect(scene.state()).toEqual(before);
}
