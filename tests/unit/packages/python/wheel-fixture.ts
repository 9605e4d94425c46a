import { createHash } from "node:crypto";
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipMember {
  readonly name: string;
  readonly content: string | Buffer;
  /** With the file type; 0o100644 by default. */
  readonly mode?: number;
}

/** A zip archive, written by hand so that it can hold what no library would write. */
export function makeZip(members: readonly ZipMember[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode = 0o100644 } of members) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const encoded = Buffer.from(name);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(0x0800, 2); // Names are UTF-8.
    shared.writeUInt16LE(8, 4);
    shared.writeUInt16LE(0x21, 8); // 1980-01-01.
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    shared.writeUInt16LE(encoded.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), shared, encoded, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 3]), shared, tail, encoded]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, Buffer.from("PK\x05\x06"), end]);
}

export interface WheelRecipe {
  readonly name: string;
  readonly version?: string;
  readonly tag?: string;
  readonly purelib?: boolean;
  readonly files?: readonly ZipMember[];
  readonly entryPoints?: string;
  readonly requires?: readonly string[];
  /** Replaces what RECORD says of a path. */
  readonly recordOf?: Readonly<Record<string, string>>;
  readonly wheelVersion?: string;
}

export interface Wheel {
  readonly filename: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

export function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A wheel with the metadata that it has to have. */
export function makeWheel(recipe: WheelRecipe): Wheel {
  const { name, version = "1.0", tag = "py3-none-any", purelib = true, files = [] } = recipe;
  const info = `${name}-${version}.dist-info`;
  const requires = (recipe.requires ?? []).map((one) => `Requires-Dist: ${one}\n`).join("");
  const members: ZipMember[] = [
    ...(files.length > 0 ? files : [{ name: `${name}/__init__.py`, content: `version = "${version}"\n` }]),
    {
      name: `${info}/METADATA`,
      content: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${requires}`,
    },
    {
      name: `${info}/WHEEL`,
      content: `Wheel-Version: ${recipe.wheelVersion ?? "1.0"}\nGenerator: test\nRoot-Is-Purelib: ${purelib}\nTag: ${tag}\n`,
    },
    ...(recipe.entryPoints === undefined
      ? []
      : [{ name: `${info}/entry_points.txt`, content: recipe.entryPoints }]),
  ];
  const rows = members.map(({ name: path, content }) => {
    const bytes = Buffer.from(content);
    const hash = createHash("sha256").update(bytes).digest("base64url");
    return `${path},${recipe.recordOf?.[path] ?? `sha256=${hash}`},${bytes.length}\n`;
  });
  const bytes = makeZip([
    ...members,
    { name: `${info}/RECORD`, content: `${rows.join("")}${info}/RECORD,,\n` },
  ]);
  return { filename: `${name}-${version}-${tag}.whl`, bytes, sha256: sha256(bytes) };
}
