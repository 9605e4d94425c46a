import { couldBeBinary, type DistributionPackage, joinedPaths } from "./distribution-records.ts";
import { lastColumn } from "./sqlite-table.ts";

/** Tags of package headers (rpm's "tags" manual). */
const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  architecture: 1022,
  folderIndexes: 1116,
  baseNames: 1117,
  folders: 1118,
} as const;

/**
 * The packages of rpm's database in its present form, rpmdb.sqlite: one header blob a package. The older ones, Berkeley
 * DB and NDB, aren't read. Never throws for what the bytes hold.
 */
export function readRpmDatabase(bytes: Uint8Array): readonly DistributionPackage[] {
  return lastColumn(bytes, "Packages").flatMap((blob) => {
    try {
      return packageOf(blob);
    } catch (error) {
      if (error instanceof RangeError) return [];
      throw error;
    }
  });
}

function packageOf(blob: Buffer): readonly DistributionPackage[] {
  const header = new Header(blob);
  const [name, version, release, architecture] = [
    tags.name,
    tags.version,
    tags.release,
    tags.architecture,
  ].map((tag) => header.texts(tag)[0]);
  // Keys of vendors are kept as packages, too.
  if (name === undefined || name === "gpg-pubkey") return [];
  const folders = header.texts(tags.folders);
  const indexes = header.numbers(tags.folderIndexes);
  const pairs = header
    .texts(tags.baseNames)
    .map((base, index) => [folders[indexes[index] ?? -1] ?? "", base] as const);
  const files = joinedPaths(pairs, blob.length).map((path) => path.replace(/^\/+/, ""));
  return [
    {
      kind: "rpm",
      name,
      ...(version !== undefined && { version: release === undefined ? version : `${version}-${release}` }),
      ...(architecture !== undefined && { architecture }),
      files: files.filter(couldBeBinary),
    },
  ];
}

/** Two counts, an index of 16 bytes an entry (tag, type, offset, count), and the data that it points into. */
class Header {
  readonly #data: Buffer;
  /** Tag → where its values are and how many. */
  readonly #entries = new Map<number, readonly [offset: number, count: number]>();

  constructor(blob: Buffer) {
    const count = blob.readUInt32BE(0);
    if (8 + 16 * count > blob.length) throw new RangeError("the index is longer than the header");
    this.#data = blob.subarray(8 + 16 * count);
    for (let at = 8; at < 8 + 16 * count; at += 16) {
      this.#entries.set(blob.readUInt32BE(at), [blob.readUInt32BE(at + 8), blob.readUInt32BE(at + 12)]);
    }
  }

  texts(tag: number): string[] {
    const [offset, count] = this.#entries.get(tag) ?? [0, 0];
    const values: string[] = [];
    let at = offset;
    while (values.length < count && at < this.#data.length) {
      const end = this.#data.indexOf(0, at);
      if (end < 0) break;
      values.push(this.#data.toString("utf8", at, end));
      at = end + 1;
    }
    return values;
  }

  numbers(tag: number): number[] {
    const [offset, count] = this.#entries.get(tag) ?? [0, 0];
    if (offset + 4 * count > this.#data.length) throw new RangeError("an array is longer than the header");
    return Array.from({ length: count }, (_, index) => this.#data.readUInt32BE(offset + 4 * index));
  }
}
