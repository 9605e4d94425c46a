import { randomUUID } from "node:crypto";
import { link, open, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "../errors/error.ts";
import { stagingPath, writeSmallFile } from "./atomic-file.ts";
import type { Context } from "./context.ts";
import { ownIdentity, parseIdentity, processState } from "./process-identity.ts";

const heartbeatMs = 10_000;
/** A lock whose owner can't be looked at (another host or container) is stale after this long without a heartbeat. */
const silentMs = 60_000;

/**
 * Runs `work` while no other process, on this host or another, holds the lock file. Waits for its turn; takes over
 * the lock of a process that is gone. The lock's directory must exist.
 */
export async function withFileLock<T>(path: string, ctx: Context, work: () => Promise<T>): Promise<T> {
  const content = JSON.stringify({ ...ownIdentity(), token: randomUUID() });
  await acquire(path, content, ctx);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, heartbeatMs);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if ((await readLock(path)) === content) await rm(path, { force: true });
  }
}

async function acquire(path: string, content: string, ctx: Context): Promise<void> {
  let waited = 0;
  for (let delay = 10; ; delay = Math.min(delay * 2, 250)) {
    ctx.signal.throwIfAborted();
    if (await tryCreate(path, content)) return;
    if (await removeStale(path)) continue;
    if (waited < 1000 && waited + delay >= 1000) {
      ctx.emit({ type: "log", level: "info", message: `Waiting for another process that holds ${path}.` });
    }
    waited += delay;
    await sleep(delay, undefined, { signal: ctx.signal });
  }
}

/** Creates the file with its content in one step, so that nobody ever sees it empty. */
async function tryCreate(path: string, content: string): Promise<boolean> {
  const staging = stagingPath(path);
  try {
    await writeSmallFile(staging, content);
    return (await tryLink(staging, path)) ?? (await createExclusively(path, content));
  } finally {
    await rm(staging, { force: true });
  }
}

/** Undefined on a file system without hard links. */
async function tryLink(staging: string, path: string): Promise<boolean | undefined> {
  try {
    await link(staging, path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "EEXIST") return false;
    if (["ENOENT", "EACCES", "EROFS", "ENOSPC", "EDQUOT"].includes(code)) throw error;
    return undefined;
  }
}

async function createExclusively(path: string, content: string): Promise<boolean> {
  try {
    await (await open(path, "wx")).close();
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    await writeSmallFile(path, content);
    return true;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  const content = await readLock(path);
  if (content === undefined) return false;
  const identity = parseIdentity(content);
  const state = identity === undefined ? "unknown" : processState(identity);
  return state === "dead" || (state === "unknown" && (await ageMs(path)) > silentMs);
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}

/**
 * True when the lock may be tried again at once. Only one process at a time removes a stale lock, and looks again
 * before it does: else a second one could remove the fresh lock of the first.
 */
async function removeStale(path: string): Promise<boolean> {
  if (!(await isStale(path))) return false;
  const guard = `${path}.takeover`;
  try {
    await writeFile(guard, "", { flag: "wx" });
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
    if ((await ageMs(guard)) > silentMs) await rm(guard, { force: true });
    return false;
  }
  try {
    if (await isStale(path)) await rm(path, { force: true });
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}
