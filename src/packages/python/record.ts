/** One line of a RECORD (PEP 376, PEP 627). */
export interface RecordRow {
  readonly path: string;
  /** `sha256=urlsafe-base64-without-padding`, or "". */
  readonly hash: string;
  /** Bytes as decimal text, or "". */
  readonly size: string;
}

/** Reads the CSV of a RECORD: fields may be quoted, quotes doubled. */
export function parseRecord(text: string): readonly RecordRow[] {
  const rows: RecordRow[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line === "") continue;
    const fields: string[] = [];
    for (const [, quoted, plain = ""] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
      fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    const [path = "", hash = "", size = ""] = fields;
    rows.push({ path, hash, size });
  }
  return rows;
}

/** Writes the lines sorted bytewise by path, each ended by a line feed. */
export function formatRecord(rows: readonly RecordRow[]): string {
  const quote = (field: string): string =>
    /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
  return rows
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
    .map(({ path, hash, size }) => `${quote(path)},${hash},${size}\n`)
    .join("");
}

/** The hash field for a hexadecimal sha256. */
export function recordHash(sha256: string): string {
  return `sha256=${Buffer.from(sha256, "hex").toString("base64url")}`;
}
