/** What BuildKit's `--progress=rawjson` tells, one fact at a time. */
export type SolveUpdate = VertexUpdate | StatusUpdate | LogUpdate | WarningUpdate | TextLine | SkippedLine;

/** The state of a step of the build graph: told again whenever it changes. */
export interface VertexUpdate {
  readonly kind: "vertex";
  /** Identifies it within one solve. */
  readonly digest: string;
  /** "[builder 4/7] RUN npm ci", "[internal] load build context". */
  readonly name: string;
  readonly started: boolean;
  readonly completed: boolean;
  readonly cached: boolean;
  readonly error?: string;
}

/** Progress within a vertex. */
export interface StatusUpdate {
  readonly kind: "status";
  readonly vertex: string;
  /** "transferring context:", "sha256:…" of a layer, "extracting sha256:…". */
  readonly id: string;
  readonly current: number;
  /** Absent where it isn't known. */
  readonly total?: number;
  readonly completed: boolean;
}

/** A piece of what a step wrote: not whole lines, nor whole characters. */
export interface LogUpdate {
  readonly kind: "log";
  readonly vertex: string;
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

export interface WarningUpdate {
  readonly kind: "warning";
  readonly vertex: string;
  readonly message: string;
}

/** A line that isn't progress: "ERROR: failed to solve: …", "WARNING: …", or of another program. */
export interface TextLine {
  readonly kind: "text";
  readonly text: string;
}

/** A line too long to be kept. */
export interface SkippedLine {
  readonly kind: "skipped";
  readonly bytes: number;
}

const newline = 10;
const defaultLimit = 32 * 1024 * 1024;
const textLimit = 64 * 1024;

/**
 * Reads rawjson (one JSON object per line, unversioned) from chunks that end anywhere. What isn't understood is
 * handed on as text, or ignored where it is a field of a line that is; nothing throws. Keeps one line at most, and of
 * that no more than `limit` bytes (32 MiB).
 */
export class RawjsonReader {
  readonly #onUpdate: (update: SolveUpdate) => void;
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(onUpdate: (update: SolveUpdate) => void, limit: number = defaultLimit) {
    this.#onUpdate = onUpdate;
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** What came after the last line break is a line too. */
  end(): void {
    if (this.#length > 0) this.#endLine();
  }

  #keep(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length > this.#limit) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  #endLine(): void {
    const bytes = this.#length;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    if (bytes > this.#limit) this.#onUpdate({ kind: "skipped", bytes });
    else readLine(Buffer.concat(pieces).toString("utf8"), this.#onUpdate);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function readLine(line: string, onUpdate: (update: SolveUpdate) => void): void {
  const trimmed = line.trim();
  if (trimmed === "") return;
  const status = trimmed.startsWith("{") ? parseObject(trimmed) : undefined;
  const known = status && ["vertexes", "statuses", "logs", "warnings"].some((key) => key in status);
  if (status === undefined || known !== true) {
    onUpdate({ kind: "text", text: line.trimEnd().slice(0, textLimit) });
    return;
  }
  const vertexes = items(status["vertexes"]).flatMap(readVertex);
  const rest: readonly SolveUpdate[] = [
    ...items(status["statuses"]).flatMap(readStatus),
    ...items(status["logs"]).flatMap(readLog),
    ...items(status["warnings"]).flatMap(readWarning),
  ];
  // A step's last words may come with the news of its end: they belong before it.
  if (rest.length > 0) for (const vertex of vertexes) onUpdate(withoutEnd(vertex));
  for (const update of rest) onUpdate(update);
  for (const vertex of vertexes) if (rest.length === 0 || vertex.completed) onUpdate(vertex);
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function items(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function withoutEnd(vertex: VertexUpdate): VertexUpdate {
  const { error: _, ...rest } = vertex;
  return { ...rest, completed: false };
}

function readVertex(fields: Fields): readonly VertexUpdate[] {
  const { digest, name, started, completed, cached, error } = fields;
  if (typeof digest !== "string") return [];
  return [
    {
      kind: "vertex",
      digest,
      name: typeof name === "string" ? name : "",
      started: typeof started === "string",
      completed: typeof completed === "string",
      cached: cached === true,
      ...(typeof error === "string" && error !== "" && { error }),
    },
  ];
}

function readStatus(fields: Fields): readonly StatusUpdate[] {
  const { vertex, id, current, total, completed } = fields;
  if (typeof vertex !== "string" || typeof id !== "string") return [];
  return [
    {
      kind: "status",
      vertex,
      id,
      current: typeof current === "number" ? current : 0,
      ...(typeof total === "number" && total > 0 && { total }),
      completed: typeof completed === "string",
    },
  ];
}

function readLog(fields: Fields): readonly LogUpdate[] {
  const { vertex, stream, data } = fields;
  if (typeof vertex !== "string" || typeof data !== "string") return [];
  return [
    {
      kind: "log",
      vertex,
      stream: stream === 2 ? "stderr" : "stdout",
      data: Buffer.from(data, "base64"),
    },
  ];
}

function readWarning(fields: Fields): readonly WarningUpdate[] {
  const { vertex, short } = fields;
  if (typeof short !== "string") return [];
  return [
    {
      kind: "warning",
      vertex: typeof vertex === "string" ? vertex : "",
      message: Buffer.from(short, "base64").toString("utf8"),
    },
  ];
}
