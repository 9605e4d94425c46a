import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseDockerfile } from "../dockerfile/parse.ts";
import { LogBytes } from "../diagnose/log/read-bytes.ts";
import { isJsonLog, notText } from "../diagnose/log/kind-of-input.ts";
import type { Diagnosis, KnownFacts } from "../diagnose/diagnosis.ts";
import { openLogReader } from "../diagnose/log-reader.ts";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import { type ApiSettings, withContext } from "./settings.ts";

/** A log to be read: a file's path, its text, bytes as they come, or a build in buildx's history ("" for the last). */
export type LogSource =
  | { readonly file: string }
  | { readonly text: string }
  | { readonly stream: AsyncIterable<Uint8Array> }
  | { readonly history: string; readonly builder?: string };

export interface ExplainOptions {
  /** The platform that was built, where the log doesn't tell. */
  readonly platform?: string;
  /** Whether it was emulated, where the log doesn't tell. */
  readonly emulated?: boolean;
  /** Path of the Dockerfile: fixes then hold patches for it. */
  readonly dockerfile?: string;
}

export interface ExplainReport {
  readonly schema: "anyarch.explain/v1";
  /** Best first; empty when nothing is known. */
  readonly diagnoses: readonly Diagnosis[];
}

/**
 * Reads the log of a failed build, of any tool and size, and says what is the matter. Memory doesn't grow with the log.
 * Throws INPUT_UNREADABLE, INPUT_INVALID (binary, compressed or empty), DOCKERFILE_INVALID, PLATFORM_INVALID and, for
 * history, COMMAND_MISSING.
 */
export function explain(
  source: LogSource,
  options: ExplainOptions = {},
  settings: ApiSettings = {},
): Promise<ExplainReport> {
  return withContext(settings, async (ctx) => {
    const reader = openLogReader(await knownFacts(options, ctx));
    const name =
      "file" in source
        ? source.file
        : "history" in source
          ? `The history of ${source.history === "" ? "the last build" : source.history}`
          : "The log";
    let bytes: LogBytes | undefined;
    for await (const chunk of chunksOf(source, ctx)) {
      ctx.signal.throwIfAborted();
      bytes ??= open(chunk, name, (text, number) => reader.lineAt(text, number));
      bytes.add(chunk);
    }
    if (bytes === undefined) {
      throw new AnyarchError("INPUT_INVALID", `${name} is empty.`, {
        hint: "Give the whole output of the build: docker buildx build --progress=plain . 2>&1 | tee build.log",
      });
    }
    bytes.end();
    return { schema: "anyarch.explain/v1", diagnoses: reader.diagnoses() };
  });
}

async function knownFacts(options: ExplainOptions, ctx: Context): Promise<KnownFacts> {
  const { platform, emulated, dockerfile } = options;
  return {
    ...(platform !== undefined && { platform: formatPlatform(parsePlatform(platform)) }),
    ...(emulated !== undefined && { emulated }),
    ...(dockerfile !== undefined && {
      dockerfile: await readDockerfile(resolve(ctx.host.cwd, dockerfile), dockerfile),
    }),
  };
}

async function readDockerfile(path: string, name: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(name, error);
  }
  parseDockerfile(text);
  return text;
}

function open(first: Buffer, name: string, take: (text: string, number: number) => void): LogBytes {
  const reason = notText(first);
  if (reason !== undefined)
    throw new AnyarchError("INPUT_INVALID", `${name} is no log: ${reason.why}.`, { hint: reason.hint });
  return new LogBytes(take, isJsonLog(first));
}

async function* chunksOf(source: LogSource, ctx: Context): AsyncIterable<Buffer> {
  if ("text" in source) {
    if (source.text !== "") yield Buffer.from(source.text);
  } else if ("history" in source) {
    const text = await readHistory(source.history, source.builder, ctx);
    if (text !== "") yield Buffer.from(text);
  } else if ("file" in source) {
    try {
      yield* plain(createReadStream(resolve(ctx.host.cwd, source.file), { highWaterMark: 1 << 20 }));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      throw unreadable(source.file, error);
    }
  } else yield* plain(source.stream);
}

/** UTF-16, as PowerShell's > writes it, becomes UTF-8. */
async function* plain(stream: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let first = true;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (first && bytes[0] === 0xff && bytes[1] === 0xfe) decoder = new TextDecoder("utf-16le");
    if (first && bytes[0] === 0xfe && bytes[1] === 0xff) decoder = new TextDecoder("utf-16be");
    first = false;
    if (bytes.length > 0)
      yield decoder === undefined ? bytes : Buffer.from(decoder.decode(bytes, { stream: true }));
  }
}

/** `docker buildx history logs`, which buildx has since 0.20; both streams, for its progress goes to stderr. */
async function readHistory(reference: string, builder: string | undefined, ctx: Context): Promise<string> {
  const args = [
    "buildx",
    ...(builder === undefined ? [] : ["--builder", builder]),
    "history",
    "logs",
    ...(reference === "" ? [] : [reference]),
    "--progress=rawjson",
  ];
  const { code, stdout, stderr } = await ctx.host.exec("docker", args, { signal: ctx.signal });
  if (code === 0) return stdout + stderr;
  const why = stderr.trim().split("\n").at(-1) ?? "";
  throw new AnyarchError(
    "INPUT_UNREADABLE",
    `The history of ${reference === "" ? "the last build" : reference} can't be read: ${why}`,
    {
      hint: /unknown (?:command|flag)|is not a docker command|unknown shorthand/.test(stderr)
        ? "This buildx has no history; update it to 0.20 or later, or give the log as a file."
        : "docker buildx history ls lists what there is.",
    },
  );
}

function unreadable(name: string, error: unknown): AnyarchError {
  return new AnyarchError("INPUT_UNREADABLE", `${name} can't be read: ${systemReason(error)}.`, {
    cause: error,
  });
}
