import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { runLimited } from "../buildkit/run-limited.ts";
import { AnyarchError, systemCode } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { FileText, HostProbe } from "./probe.ts";

const mostText = 256 << 10;

/** The machine that anyarch runs on. */
export function localProbe(ctx: Context): HostProbe {
  return {
    name: "this machine",
    local: true,
    read: readText,
    readBytes: (path, length) => readStart(path, length).catch(() => undefined),
    list: (path) => readdir(path).catch(() => undefined),
    run: async (program, args, { env, timeoutMs = 10_000 } = {}) => {
      try {
        return await runLimited(ctx, program, args, { env, timeoutMs });
      } catch (error) {
        if (ctx.signal.aborted) throw error;
        if (error instanceof AnyarchError && error.code === "COMMAND_MISSING") return undefined;
        // There, but not to be run: another CPU's, or without the right to.
        return { code: 126, stdout: "", stderr: String(error), timedOut: false };
      }
    },
    shell: (script, { env, timeoutMs = 10_000 } = {}) =>
      runLimited(ctx, "sh", ["-c", script], { env, timeoutMs }),
    env: (name) => ctx.host.env[name],
  };
}

async function readText(path: string): Promise<FileText> {
  try {
    return { kind: "text", text: (await readStart(path, mostText)).toString("utf8") };
  } catch (error) {
    const code = systemCode(error);
    return { kind: code === "ENOENT" || code === "ENOTDIR" ? "missing" : "denied" };
  }
}

/** Files of /proc have no size: read until nothing comes. A pipe would block for ever without O_NONBLOCK. */
async function readStart(path: string, length: number): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const buffer = Buffer.alloc(length);
    let size = 0;
    while (size < length) {
      const { bytesRead } = await file.read(buffer, size, length - size);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return buffer.subarray(0, size);
  } finally {
    await file?.close();
  }
}
