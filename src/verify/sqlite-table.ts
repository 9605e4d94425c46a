const magic = "SQLite format 3\0";
const pageTypes = { interior: 0x05, leaf: 0x0d } as const;

/** No page is read more often, nor deeper: hostile files have loops. */
const maxDepth = 32;

/** A database file at hand, without its write-ahead log (https://www.sqlite.org/fileformat2.html). */
interface Database {
  readonly bytes: Buffer;
  readonly pageSize: number;
  /** Bytes of a page that hold content. */
  readonly usable: number;
  /** Bytes of records that may still be read: honest ones don't overlap. */
  left: number;
}

/**
 * The last column of each row of a table, where it is text or a blob; nothing where the file is no SQLite database, is
 * damaged, or has no such table. Never throws for what the bytes hold.
 */
export function lastColumn(file: Uint8Array, table: string): readonly Buffer[] {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < 512 || bytes.toString("latin1", 0, 16) !== magic) return [];
  const size = bytes.readUInt16BE(16);
  const pageSize = size === 1 ? 65_536 : size;
  const database = { bytes, pageSize, usable: pageSize - bytes.readUInt8(20), left: 2 * bytes.length };
  if (pageSize < 512 || database.usable < 480) return [];
  try {
    const schema = rowsOf(database, 1).map(columnsOf);
    const root = schema.find(([type, name]) => text(type) === "table" && text(name) === table)?.[3];
    if (typeof root !== "number") return [];
    return rowsOf(database, root).flatMap((row) => {
      const value = columnsOf(row).at(-1);
      return value instanceof Buffer ? [value] : [];
    });
  } catch (error) {
    if (error instanceof RangeError) return []; // Something points out of the file.
    throw error;
  }
}

function text(value: Buffer | number | undefined): string | undefined {
  return value instanceof Buffer ? value.toString("utf8") : undefined;
}

/** The records of a table's b-tree, in its order. */
function rowsOf(database: Database, root: number): Buffer[] {
  const rows: Buffer[] = [];
  const seen = new Set<number>();
  const visit = (number: number, depth: number): void => {
    if (depth > maxDepth || seen.has(number) || number < 1) return;
    seen.add(number);
    const start = (number - 1) * database.pageSize;
    const page = database.bytes.subarray(start, start + database.pageSize);
    // The first page begins with the file's own header.
    const header = number === 1 ? 100 : 0;
    const type = page.readUInt8(header);
    const cells = page.readUInt16BE(header + 3);
    const pointers = header + (type === pageTypes.interior ? 12 : 8);
    for (let cell = 0; cell < cells; cell++) {
      const at = page.readUInt16BE(pointers + 2 * cell);
      if (type === pageTypes.interior) visit(page.readUInt32BE(at), depth + 1);
      else if (type === pageTypes.leaf) rows.push(payloadOf(database, page, at));
    }
    if (type === pageTypes.interior) visit(page.readUInt32BE(header + 8), depth + 1);
  };
  visit(root, 0);
  return rows;
}

/** A leaf cell's record; what doesn't fit on its page goes on in a chain of others ("Cell Payload Overflow Pages"). */
function payloadOf(database: Database, page: Buffer, at: number): Buffer {
  const { bytes, pageSize, usable } = database;
  const [length, afterLength] = varint(page, at);
  const [, start] = varint(page, afterLength); // The row's number.
  database.left -= length;
  if (database.left < 0) throw new RangeError("records are longer than their file");
  const most = usable - 35;
  if (length <= most) return page.subarray(start, start + length);
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const fitting = least + ((length - least) % (usable - 4));
  const local = fitting <= most ? fitting : least;
  const parts = [page.subarray(start, start + local)];
  let next = page.readUInt32BE(start + local);
  for (let left = length - local; left > 0 && next > 0;) {
    const offset = (next - 1) * pageSize;
    const taken = Math.min(left, usable - 4);
    next = bytes.readUInt32BE(offset);
    parts.push(bytes.subarray(offset + 4, offset + 4 + taken));
    left -= taken;
  }
  return Buffer.concat(parts);
}

/** The columns: whole numbers, and text and blobs as bytes; undefined for all else ("Record Format"). */
function columnsOf(record: Buffer): (Buffer | number | undefined)[] {
  const [headerSize, first] = varint(record, 0);
  const columns: (Buffer | number | undefined)[] = [];
  let content = headerSize;
  for (let at = first; at < headerSize;) {
    const [type, next] = varint(record, at);
    at = next;
    const size = sizeOfType(type);
    if (type >= 12) columns.push(record.subarray(content, content + size));
    else if (type >= 1 && type <= 5) columns.push(record.readIntBE(content, size));
    else columns.push(type === 8 ? 0 : type === 9 ? 1 : undefined);
    content += size;
  }
  return columns;
}

function sizeOfType(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2);
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][type] ?? 0;
}

/** The number and where it ends. */
function varint(bytes: Buffer, at: number): readonly [number, number] {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = bytes.readUInt8(at + index);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, at + index + 1];
  }
  return [value * 256 + bytes.readUInt8(at + 8), at + 9];
}
