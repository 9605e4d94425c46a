import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { startBaseRegistry } from "../../engines/base-images.ts";
import { startBuildkitd, type Buildkitd } from "../../engines/buildkitd.ts";
import { withCleanup } from "../../engines/cleanup.ts";
import { registerQemu } from "../../engines/qemu.ts";
import { anyarch, type Run, type RunOptions } from "../anyarch.ts";
import { processesMarked, unfinishedIn } from "../bad-input/leftovers.ts";

/** A directory with Dockerfiles, and a home, a cache and a directory for temporary files of its own. */
export interface Site extends Disposable {
  readonly root: string;
  /** The working directory of `build`. */
  readonly work: string;
  readonly env: Readonly<Record<string, string>>;
  /** Writes the Dockerfile, or another file of the context. */
  write(lines: readonly string[], name?: string): void;
  /** `anyarch build . …` with plain progress. */
  build(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** Waits a moment, then throws where a run left a process or a file that isn't finished. */
  expectTidy(): Promise<void>;
}

/** `env` is added to all runs: PATH, DOCKER_CONFIG, …. */
export function openSite(env: Readonly<Record<string, string>>): Site {
  const root = mkdtempSync(join(tmpdir(), "site-"));
  const [work, home, temp] = ["work", "home", "temp"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const directory of [work, home, temp]) mkdirSync(directory);
  const mark = randomUUID();
  const own = {
    HOME: home,
    TMPDIR: temp,
    ANYARCH_CACHE_DIR: join(root, "cache"),
    XDG_CACHE_HOME: join(root, "xdg"),
    SITE: mark,
    ...env,
  };
  return {
    root,
    work,
    env: own,
    write(lines, name = "Dockerfile") {
      mkdirSync(dirname(join(work, name)), { recursive: true });
      writeFileSync(join(work, name), `${lines.join("\n")}\n`);
    },
    build: (args, options = {}) =>
      anyarch(["build", ".", "--progress", "plain", ...args], {
        cwd: work,
        ...options,
        env: { ...own, ...options.env },
      }),
    async expectTidy() {
      await expect.poll(() => processesMarked(mark), { timeout: 4000, message: "still running" }).toEqual([]);
      expect(readdirSync(temp), "left in TMPDIR").toEqual([]);
      expect(unfinishedIn(work), "unfinished in the context").toEqual([]);
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Commands of all that a process has started, and what that has started, on this machine. */
function descendants(pid: number): readonly string[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    const stat = readText(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const below = (of: number): readonly number[] =>
    (children.get(of) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid).map((child) => readText(`/proc/${child}/cmdline`).replaceAll("\0", " ").trim());
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It has just ended.
  }
}

/** Nothing that a build started runs on the node any more. */
export async function expectIdle(node: { readonly pid: number }): Promise<void> {
  await expect.poll(() => descendants(node.pid), { timeout: 5000, message: "runs on the node" }).toEqual([]);
}

/** Sends a signal once the build has written `text` to standard error. */
export function signalAt(text: string | RegExp, signal: NodeJS.Signals): Pick<RunOptions, "onStart"> {
  return {
    onStart(kill, stderr) {
      const timer = setInterval(() => {
        if (stderr().search(text) < 0) return;
        clearInterval(timer);
        kill(signal);
      }, 20);
      timer.unref();
    },
  };
}

/** The failure's code, its place and its reason, as they are printed for people. */
export function expectError(
  run: Run,
  code: string,
  exit: number,
  ...says: readonly (string | RegExp)[]
): void {
  expect(run.stderr).toContain(`[${code}]`);
  expect(run.code, run.stderr).toBe(exit);
  expect(run.stdout, "a failed run has no result").toBe("");
  const error = run.stderr.slice(run.stderr.search(/^error /m));
  for (const part of says) expect(error).toMatch(part);
  expect(run.stderr, "a defect's stack trace").not.toMatch(/^\s+at .*:\d+:\d+/m);
}

/** An amd64 machine with QEMU and the base image busybox, and a site whose builds go there by buildctl. */
export interface EmulatingSite extends AsyncDisposable {
  readonly node: Buildkitd;
  readonly site: Site;
}

/** What {@link startEmulatingSite} needs. */
export const emulatingEngines = ["buildkit", "busybox", "qemu", "docker-registry"] as const;

export async function startEmulatingSite(): Promise<EmulatingSite> {
  await registerQemu();
  return await withCleanup(async (own) => {
    const bases = own(await startBaseRegistry(["busybox:stable"]));
    const node = own(await startBuildkitd({ mirrors: { "docker.io": bases } }));
    const site = openSite({
      PATH: `${node.path}:${process.env["PATH"] ?? ""}`,
      ANYARCH_BUILDKIT_BACKEND: "buildctl",
    });
    own({ [Symbol.asyncDispose]: () => Promise.resolve(site[Symbol.dispose]()) });
    return { node, site };
  });
}
