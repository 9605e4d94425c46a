import { decompressLayer } from "../archive/decompress.ts";
import { readTar } from "../archive/tar-reader.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { layerCompression } from "../oci/media-type.ts";
import type { BaseFacts } from "./base-facts.ts";
import type { Layer } from "./layer.ts";

/** What one layer says of libc and interpreters; JSON, to be remembered by the layer's digest. */
export interface LayerFacts {
  readonly glibc?: string;
  readonly musl?: string;
  /** Interpreters by absolute path, with their versions. */
  readonly python: Readonly<Record<string, string>>;
}

const glibcFile =
  /^(?:usr\/)?lib(?:32|64|x32|hf)?\/(?:[a-z0-9_]+-linux-gnu[a-z0-9]*\/)?libc(?:\.so\.6|-2\.\d+\.so)$/;
const muslFile = /^(?:usr\/)?lib\/ld-musl-[a-z0-9_]+\.so\.1$/;
const pythonFile =
  /^((?:usr\/)?(?:local\/)?(?:bin|lib(?:64)?(?:\/[a-z0-9_]+-linux-[a-z]+)?))\/(?:python|libpython)(3\.\d+)(?:\.so\.1\.0)?$/;
const apkDatabase = "lib/apk/db/installed";

/** Reads one layer for its facts. Throws ARCHIVE_INVALID and what opening the layer throws. */
export async function scanLayerFacts(layer: Layer, signal: AbortSignal): Promise<LayerFacts> {
  const found: { glibc?: string; musl?: string; python: Record<string, string> } = { python: {} };
  const compression = layerCompression(layer.descriptor.mediaType) ?? "gzip";
  const stream = await layer.open(signal);
  await readTar(
    decompressLayer(stream, compression),
    (header, content) => {
      if (header.type !== "file" && header.type !== "symlink" && header.type !== "hardlink") return undefined;
      const path = header.path.replace(/^\.?\//, "");
      const wanted =
        glibcFile.test(path) || muslFile.test(path) || pythonFile.test(path) || path === apkDatabase;
      return wanted ? read(path, header.type === "file", () => content.bytes()) : undefined;
    },
    { signal, name: `The layer ${layer.descriptor.digest}` },
  );
  return found;

  async function read(path: string, isFile: boolean, bytes: () => Promise<Buffer>): Promise<void> {
    if (path === apkDatabase) {
      const version = /(?:^|\n)P:musl\n(?:[^\n]+\n)*?V:([0-9.]+)/.exec((await bytes()).toString("utf8"))?.[1];
      if (version !== undefined) found.musl = version;
    } else if (muslFile.test(path)) found.musl ??= isFile ? muslVersion(await bytes()) : "1.2";
    else if (glibcFile.test(path)) {
      const version =
        /libc-(2\.\d+)\.so$/.exec(path)?.[1] ?? (isFile ? glibcVersion(await bytes()) : undefined);
      if (version !== undefined) found.glibc = version;
    } else if (isFile) {
      const [, directory = "", minor = ""] = pythonFile.exec(path) ?? [];
      const version = pythonVersion(await bytes(), minor);
      const usr = directory.replace(/\/lib.*$/, "/bin");
      const executable = path.includes("libpython") ? `/${usr}/python${minor}` : `/${path}`;
      if (version !== undefined) found.python[executable] = version;
      else found.python[executable] ??= minor;
    }
  }
}

/** The C library names its own release; where it doesn't, the newest symbol version it defines is that release. */
function glibcVersion(bytes: Buffer): string | undefined {
  const text = bytes.toString("latin1");
  const named = /stable release version (2\.\d+)/.exec(text)?.[1];
  if (named !== undefined) return named;
  const minors = [...text.matchAll(/GLIBC_2\.(\d+)\b/g)].map(([, minor]) => Number(minor));
  return minors.length === 0 ? undefined : `2.${Math.max(...minors)}`;
}

function muslVersion(bytes: Buffer): string {
  return /\0(1\.\d+\.\d+)\0/.exec(bytes.toString("latin1"))?.[1] ?? "1.2";
}

/** The interpreter carries its version as a string; the one with its minor and the highest patch is it. */
function pythonVersion(bytes: Buffer, minor: string): string | undefined {
  const pattern = new RegExp(`\\0(${minor.replace(".", "\\.")}\\.(\\d+))\\+?(?: |\\0)`, "g");
  const versions = [...bytes.toString("latin1").matchAll(pattern)].sort(
    (a, b) => Number(b[2]) - Number(a[2]),
  );
  return versions[0]?.[1];
}

/** True where more layers can't change the facts that the config leaves open. */
export function factsAreComplete(layers: readonly LayerFacts[], config: ImageConfig): boolean {
  const facts = combineFacts(layers, config);
  return facts.libc !== undefined && facts.python !== undefined && facts.python.version.split(".").length > 2;
}

/** Facts of the layers, bottom first, and of the config's environment, which official images set. */
export function combineFacts(layers: readonly LayerFacts[], config: ImageConfig): BaseFacts {
  const env = new Map((config.config?.Env ?? []).map((line) => splitAt(line, "=")));
  const top = layers.toReversed();
  const glibc = top.find((layer) => layer.glibc !== undefined)?.glibc;
  const musl = top.find((layer) => layer.musl !== undefined)?.musl;
  const pythons = new Map(layers.flatMap((layer) => Object.entries(layer.python)));
  const python = choosePython(pythons, env.get("PYTHON_VERSION"), env.get("PATH") ?? "");
  const nodeVersion = env.get("NODE_VERSION");
  return {
    ...(glibc !== undefined
      ? { libc: { family: "glibc" as const, version: glibc } }
      : musl !== undefined && { libc: { family: "musl" as const, version: musl } }),
    ...(python && { python }),
    ...(nodeVersion && { node: { version: nodeVersion, executable: "/usr/local/bin/node" } }),
  };
}

function choosePython(
  found: ReadonlyMap<string, string>,
  declared: string | undefined,
  path: string,
): BaseFacts["python"] {
  const directories = path === "" ? ["/usr/local/bin", "/usr/bin", "/bin"] : path.split(":");
  const rank = (executable: string): number => {
    const at = directories.indexOf(executable.slice(0, executable.lastIndexOf("/")));
    return at < 0 ? directories.length : at;
  };
  const minor = declared?.split(".").slice(0, 2).join(".");
  const [best] = [...found]
    .filter(([executable]) => minor === undefined || executable.endsWith(`/python${minor}`))
    .sort(([a], [b]) => rank(a) - rank(b) || b.localeCompare(a, "en", { numeric: true }));
  if (best !== undefined) return { executable: best[0], version: declared ?? best[1] };
  // Official images put the interpreter they were built with there.
  return declared === undefined
    ? undefined
    : { executable: `/usr/local/bin/python${minor}`, version: declared };
}

function splitAt(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}
