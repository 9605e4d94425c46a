import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import type { Context } from "../../host/context.ts";
import { writeFileAtomic } from "../../host/atomic-file.ts";

const maximumAgeMs = 7 * 24 * 3600 * 1000;

interface Remembered {
  readonly url: string;
  /** PATH decides which pip and uv are asked. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly asked: number;
}

/**
 * The package index that the installed pip or uv uses when nothing is configured, read from its own help; no
 * index is built into anyarch. The answer is remembered in the cache for a week. Throws RESOLVER_MISSING.
 */
export async function defaultIndex(ctx: Context): Promise<string> {
  const file = join(ctx.host.cacheDir, "python", "default-index.json");
  const path = ctx.host.env["PATH"] ?? "";
  const known = await recall(file);
  if (known?.path === path && ctx.host.now().getTime() - known.asked < maximumAgeMs) return known.url;
  const url =
    (await ask(ctx, "python3", ["-m", "pip", "install", "--help"])) ??
    (await ask(ctx, "pip3", ["install", "--help"])) ??
    (await ask(ctx, "uv", ["pip", "install", "--help"]));
  if (url === undefined)
    throw new AnyarchError("RESOLVER_MISSING", "No package index is known.", {
      hint: "Install pip or uv, whose index is used, or name one with PIP_INDEX_URL or UV_DEFAULT_INDEX.",
    });
  const remembered: Remembered = { url, path, asked: ctx.host.now().getTime() };
  await writeFileAtomic(file, JSON.stringify(remembered));
  return url;
}

async function recall(file: string): Promise<Remembered | undefined> {
  try {
    const value = JSON.parse(await readFile(file, "utf8")) as Partial<Remembered>;
    const { url, path, asked } = value;
    return typeof url === "string" && typeof path === "string" && typeof asked === "number"
      ? { url, path, asked }
      : undefined;
  } catch {
    return undefined; // Not asked yet, or an unreadable memory: ask again.
  }
}

async function ask(ctx: Context, command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout } = await ctx.host.exec(command, args, {
      // The help shows configured values as defaults, and wraps lines by the terminal's width.
      env: { COLUMNS: "400", NO_COLOR: "1" },
      signal: ctx.signal,
      timeoutMs: 60_000,
    });
    return code === 0 ? parseDefaultIndex(stdout) : undefined;
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING") return undefined;
    throw error;
  }
}

/** The URL after "default" in the help of --index-url (pip) or --default-index (uv). */
export function parseDefaultIndex(help: string): string | undefined {
  const option = /--(?:default-index|index-url)\b[\s\S]*?\(?\bdefault:?\s+<?([a-z]+:\/\/[^\s>)]+)/i.exec(
    help,
  );
  return option?.[1];
}
