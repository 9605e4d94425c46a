import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { BuildEvent } from "../../../../src/events/event.ts";
import type { Context } from "../../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../../src/host/node-host.ts";
import { makeTempDir } from "../../../../src/host/temp-dir.ts";
import { parsePlatform } from "../../../../src/oci/platform.ts";
import type { PythonTarget } from "../../../../src/packages/python/target.ts";

export interface Workspace {
  readonly root: string;
  /** Absolute; holds the files given. */
  readonly project: string;
  readonly cache: string;
  readonly ctx: Context;
  readonly events: BuildEvent[];
  /** The same with other variables. */
  with(env: Readonly<Record<string, string>>): Context;
}

/** A project directory and a context that knows no configuration of this machine; gone after the test. */
export async function workspace(
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Workspace> {
  const dir = await makeTempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const project = join(dir.path, "project");
  await mkdir(project);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(project, name)), { recursive: true });
    await writeFile(join(project, name), content);
  }
  const cache = join(dir.path, "cache");
  const events: BuildEvent[] = [];
  const make = (variables: Readonly<Record<string, string>>): Context => {
    const host = createNodeHost({
      cwd: project,
      cacheDir: cache,
      env: {
        HOME: dir.path,
        PIP_CONFIG_FILE: "/dev/null",
        UV_NO_CONFIG: "1",
        PATH: "/nowhere",
        ...variables,
      },
    });
    onTestFinished(() => host.close());
    return createContext(host, { emit: (event) => events.push(event) });
  };
  return { root: dir.path, project, cache, ctx: make(env), events, with: make };
}

export function glibcTarget(platform: string, python = "3.11.2", version = "2.36"): PythonTarget {
  return {
    platform: parsePlatform(platform),
    python,
    implementation: "cpython",
    libc: { family: "glibc", version },
  };
}
