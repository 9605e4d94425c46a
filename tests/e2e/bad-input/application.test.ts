import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run as runProgram } from "../../engines/process.ts";
import { anyarch } from "../anyarch.ts";
import { expectFailure, expectFailureText, makeStage, openScene, type Scene, type Stage } from "./scene.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await makeStage();
});
afterAll(() => stage[Symbol.dispose]());

const build = (scene: Scene, ...more: string[]): string[] => [
  "build",
  ".",
  "--base-image",
  scene.base,
  ...more,
];

/** Lines of GNU tar's listing of the application's layer: the topmost of the image that was built. */
function listLayer(scene: Scene): readonly string[] {
  const layout = join(scene.app, "dist/image");
  const blob = (digest: string): Buffer => readFileSync(join(layout, "blobs/sha256", digest.slice(7)));
  const json = (digest: string): { layers: { digest: string }[] } =>
    JSON.parse(blob(digest).toString("utf8")) as { layers: { digest: string }[] };
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as {
    manifests: { digest: string }[];
  };
  const layer = json(index.manifests[0]?.digest ?? "").layers.at(-1)?.digest ?? "";
  const tar = join(scene.root, "layer.tar");
  writeFileSync(tar, gunzipSync(blob(layer)));
  return execFileSync("tar", ["--list", "--verbose", "--quoting-style=c", "--file", tar], {
    encoding: "utf8",
  })
    .trimEnd()
    .split("\n");
}

/** Python makes what Node.js can't: sockets, pipes, names that are no UTF-8. */
async function make(scene: Scene, script: string): Promise<void> {
  await runProgram("python3", ["-c", `import os, socket\n${script}`], { cwd: scene.app });
}

describe("odd things in the application", () => {
  it("links that go in circles, out and nowhere are links in the image; what is no file is left out and said", async () => {
    using scene = openScene(stage);
    symlinkSync("two", join(scene.app, "one"));
    symlinkSync("one", join(scene.app, "two"));
    symlinkSync(".", join(scene.app, "self"));
    symlinkSync("nothing", join(scene.app, "dangling"));
    symlinkSync("../..", join(scene.app, "out"));
    symlinkSync("/etc/passwd", join(scene.app, "absolute"));
    await make(scene, 'os.mkfifo("pipe")\nsocket.socket(socket.AF_UNIX).bind("socket")');
    const run = await scene.build();
    expect(run.code, run.stderr).toBe(0);
    for (const name of ["pipe", "socket"])
      expect(run.stderr).toContain(`${name} is neither file, directory nor link`);
    for (const name of ["out", "absolute"])
      expect(run.stderr).toMatch(new RegExp(`warning ${name} links to .* outside`));
    const list = listLayer(scene).join("\n");
    for (const link of ['one" -> "two', 'two" -> "one', 'self" -> ".', 'dangling" -> "nothing']) {
      expect(list).toContain(`"app/${link}"`);
    }
    expect(list).not.toMatch(/app\/(?:pipe|socket)"/);
  });

  it("empty files, long paths and names with line feeds are in the image as they are", async () => {
    using scene = openScene(stage);
    const deep = Array.from({ length: 12 }, () => "d".repeat(100)).join("/");
    scene.write("empty", "");
    scene.write("x".repeat(255), "long");
    scene.write(`${deep}/file`, "deep");
    scene.write("line\nfeed", "1");
    scene.write("tab\tand \u{202e}turned", "2");
    const run = await scene.build();
    expect(run.code, run.stderr).toBe(0);
    const list = listLayer(scene);
    expect(list.find((line) => line.endsWith('"app/empty"'))).toMatch(/ 0 1970/);
    for (const name of ["x".repeat(255), `${deep}/file`, String.raw`line\nfeed`]) {
      expect(
        list.some((line) => line.endsWith(`"app/${name}"`)),
        name,
      ).toBe(true);
    }
  });

  it("names that are no UTF-8 are said, with what to do, and nothing in them reaches the terminal", async () => {
    using scene = openScene(stage);
    await make(scene, String.raw`open(b"odd\xff\x1b[31mname", "w")`);
    const says = ["isn't valid UTF-8", String.raw`\x1b[31mname`, ".dockerignore"];
    await expectFailure(scene, build(scene), { code: "INPUT_UNREADABLE", says, hides: ["\u001b"] });
    scene.write(".dockerignore", "odd*\n");
    const run = await scene.build();
    expect(run.code, run.stderr).toBe(0);
  });

  it.each([
    "pyproject.toml",
    "requirements.txt",
    "uv.lock",
    ".dockerignore",
    "anyarch.toml",
    ".python-version",
  ])("a pipe in the place of %s is refused at once instead of waited for", async (name) => {
    using scene = openScene(stage);
    rmSync(join(scene.app, name), { force: true });
    await make(scene, `os.mkfifo(${JSON.stringify(name)})`);
    const says = [join(scene.app, name), "no file, but a pipe"];
    await expectFailure(scene, build(scene), { code: "INPUT_UNREADABLE", says });
  });

  it("a requirement file may be a pipe of the shell's", async () => {
    using scene = openScene(stage);
    const command = `exec "$@" --requirements <(printf '# nothing\\n')`;
    const args = ["-c", command, "bash", process.execPath];
    const run = await anyarch(build(scene), { cwd: scene.app, env: scene.env, node: ["bash", ...args] });
    expect(run.code, run.stderr).toBe(0);
  });

  it.each(["pyproject.toml", "requirements.txt", ".dockerignore"])(
    "a directory in the place of %s",
    async (name) => {
      using scene = openScene(stage);
      rmSync(join(scene.app, name), { force: true });
      mkdirSync(join(scene.app, name));
      const says = [join(scene.app, name), "it is a directory"];
      await expectFailure(scene, build(scene), { code: "INPUT_UNREADABLE", says });
    },
  );

  it.each([
    ["pyproject.toml", "[project\n", "CONFIG_INVALID", /pyproject\.toml:1/],
    [
      "pyproject.toml",
      '[project]\nname = "demo"\ndependencies = "six"\n',
      "CONFIG_INVALID",
      /dependencies must be a list/,
    ],
    ["requirements.txt", "alpha === == 1\n", "LOCK_INVALID", /requirements\.txt:1/],
    ["requirements.txt", "-r nowhere.txt\n", "INPUT_UNREADABLE", /nowhere\.txt.*isn't there/],
    ["uv.lock", "version = 99\n", "LOCK_INVALID", /uv\.lock/],
    ["pylock.toml", "\u0000\u0001", "LOCK_INVALID", /pylock\.toml:1/],
    [".dockerignore", "data/[a\n", "INPUT_INVALID", /\.dockerignore, line 1.*"\[" without "\]"/],
  ] as const)("%s that is malformed names the file and the place: %j", async (name, text, code, where) => {
    using scene = openScene(stage);
    scene.write(name, text);
    await expectFailure(scene, build(scene), { code, says: [where] });
  });
});

describe("an application that changes during the build", () => {
  /** Runs a Python loop in the application's directory, from now until its scope ends. */
  async function meddle(scene: Scene, body: string): Promise<AsyncDisposable> {
    const lines = body.replaceAll("\n", "\n    ");
    const script = `import os, time\nprint(flush=True)\nwhile True:\n    ${lines}\n`;
    const child = spawn("python3", ["-c", script], { cwd: scene.app, stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    return {
      [Symbol.asyncDispose]: () => {
        child.kill("SIGKILL");
        return ended;
      },
    };
  }

  it.each([
    ["grows", 'open("busy.bin", "ab").write(b"more")\ntime.sleep(0.0005)'],
    ["shrinks", 'os.truncate("busy.bin", max(os.path.getsize("busy.bin") - 1, 1))\ntime.sleep(0.0005)'],
    [
      "is written anew, of the same size",
      'f = open("busy.bin", "r+b"); f.write(os.urandom(64)); f.close()\ntime.sleep(0.0005)',
    ],
  ])("a file that %s is noticed, and nothing of the build is remembered", async (_name, body) => {
    using scene = openScene(stage);
    scene.write("busy.bin", randomBytes(8 << 20));
    const before = { ...scene.state() };
    {
      await using _ = await meddle(scene, body);
      const run = await scene.build();
      expectFailureText(run, { code: "APP_FILE_CHANGED", says: ["busy.bin", "changed", "then build again"] });
    }
    scene.expectTidy();
    const after = scene.state();
    delete before["busy.bin"];
    delete after["busy.bin"];
    expect(after).toEqual(before);
    const calm = await scene.build();
    expect(calm.code, calm.stderr).toBe(0);
    const other = openScene(stage);
    using _ = other;
    other.write("busy.bin", readFileSync(join(scene.app, "busy.bin")));
    const image = (one: Scene): string => readFileSync(join(one.app, "dist/image/index.json"), "utf8");
    expect((await other.build()).code).toBe(0);
    expect(image(scene), "something was remembered of what changed").toBe(image(other));
  });

  it("a directory that goes away while it is read: said as what it is, or not noticed at all", async () => {
    using scene = openScene(stage);
    for (let n = 0; n < 400; n++) scene.write(`data/${n}/file`, "x");
    const body =
      'os.rename("data", "../gone")\ntime.sleep(0.001)\nos.rename("../gone", "data")\ntime.sleep(0.001)';
    const codes = new Set<number>();
    for (let round = 0; round < 8; round++) {
      await using child = await meddle(scene, body);
      const run = await scene.build();
      await child[Symbol.asyncDispose]();
      codes.add(run.code);
      if (run.code !== 0) expectFailureText(run, { code: "APP_FILE_CHANGED", says: ["data", "again"] });
      if (existsSync(join(scene.root, "gone"))) renameSync(join(scene.root, "gone"), join(scene.app, "data"));
      scene.expectTidy();
    }
    expect([...codes].every((code) => code === 0 || code === 1)).toBe(true);
  });

  it("the build's own log in it is left out", async () => {
    using scene = openScene(stage);
    const command = 'exec "$@" > build.log 2>&1';
    const node = ["bash", "-c", command, "bash", process.execPath];
    const run = await anyarch(build(scene), { cwd: scene.app, env: scene.env, node });
    const log = readFileSync(join(scene.app, "build.log"), "utf8");
    expect(run.code, log).toBe(0);
    expect(log).toContain("build.log is where this build writes its messages, and was left out");
    expect(listLayer(scene).join("\n")).not.toContain("build.log");
  });
});

describe("a resolver that isn't there", () => {
  it("loose requirements without uv and pip: the ways on are named", async () => {
    using scene = openScene(stage);
    scene.write("requirements.txt", "alpha>=1\n");
    const empty = join(scene.root, "bin");
    mkdirSync(empty);
    const says = ["neither uv nor pip is installed", "uv lock", "pip-compile"];
    const node = { node: [process.execPath], env: { PATH: empty } };
    await expectFailure(scene, build(scene), { code: "RESOLVER_MISSING", says }, node);
    // What is locked needs none.
    scene.write("requirements.txt", "");
    const run = await scene.build([], node);
    expect(run.code, run.stderr).toBe(0);
  });

  it("a resolver that finds no answer: what it says is passed on", async () => {
    using scene = openScene(stage);
    scene.write("requirements.txt", "alpha>=1\n");
    const env = { PIP_INDEX_URL: "http://127.0.0.1:9/simple/", PIP_RETRIES: "0" };
    const says = ["alpha", /pip|uv/];
    await expectFailure(scene, build(scene), { code: "RESOLVE_FAILED", says }, { env });
  });
});

describe("the application's directory", () => {
  it("was removed while the shell stood in it", async () => {
    using scene = openScene(stage);
    const script = 'cd "$1" && rmdir "$1" && shift && exec "$@"';
    const gone = join(scene.root, "gone");
    mkdirSync(gone);
    const node = ["bash", "-c", script, "bash", gone, process.execPath];
    const run = await anyarch(build(scene), { cwd: scene.root, env: scene.env, node });
    expectFailureText(run, { code: "INPUT_UNREADABLE", says: [/current directory/] });
  });
});
