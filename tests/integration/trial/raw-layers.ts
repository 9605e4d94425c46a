import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A tar entry as written, also one that no honest tool would write. */
export interface RawEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "hardlink" | "device";
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly content?: string | Uint8Array;
  readonly target?: string;
  readonly pax?: Readonly<Record<string, Uint8Array | string>>;
}

const flags = { file: "0", hardlink: "1", symlink: "2", device: "3", directory: "5" } as const;

/** An uncompressed tar archive (POSIX ustar, PAX where asked for). */
export function rawTar(entries: readonly RawEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => [...paxOf(entry), ...member(entry, flags[entry.type])]);
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function paxOf({ pax }: RawEntry): Buffer[] {
  if (pax === undefined) return [];
  const records = Object.entries(pax).map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  return member({ path: "pax", type: "file" }, "x", Buffer.concat(records));
}

function member(entry: RawEntry, flag: string, bytes: Buffer = Buffer.from(entry.content ?? "")): Buffer[] {
  const { path, mode = entry.type === "directory" ? 0o755 : 0o644, uid = 0, gid = 0, mtime = 1 } = entry;
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, width: number): void =>
    void header.write(value.toString(8).padStart(width - 1, "0"), at, "latin1");
  header.write(path, 0, "utf8");
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(bytes.length, 124, 12);
  octal(mtime, 136, 12);
  header.write(" ".repeat(8), 148, "latin1");
  header.write(flag, 156, "latin1");
  header.write(entry.target ?? "", 157, "utf8");
  header.write("ustar\x0000", 257, "latin1");
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}

/** Writes an OCI layout of one image with these layers, uncompressed, tagged "t". */
export function writeRawLayout(
  directory: string,
  layers: readonly Buffer[],
  options: {
    readonly config?: object;
    readonly platform?: object;
    readonly diffIDs?: readonly string[];
  } = {},
): void {
  const blobs = join(directory, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (content: Buffer, name: string): { mediaType: string; digest: string; size: number } => {
    const hex = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(blobs, hex), content);
    return { mediaType: `application/vnd.oci.image.${name}`, digest: `sha256:${hex}`, size: content.length };
  };
  const json = (value: unknown, name: string) => put(Buffer.from(JSON.stringify(value)), name);
  const platform = options.platform ?? { os: "linux", architecture: "amd64" };
  const descriptors = layers.map((layer) => put(layer, "layer.v1.tar"));
  const config = json(
    {
      ...platform,
      config: options.config ?? {},
      rootfs: { type: "layers", diff_ids: options.diffIDs ?? descriptors.map(({ digest }) => digest) },
    },
    "config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = json({ schemaVersion: 2, mediaType, config, layers: descriptors }, "manifest.v1+json");
  const annotations = { "org.opencontainers.image.ref.name": "t" };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, platform, annotations }] };
  writeFileSync(join(directory, "index.json"), JSON.stringify(index));
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}
