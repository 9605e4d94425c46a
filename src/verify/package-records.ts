import {
  type DistributionPackage,
  parseApk,
  parseDpkgList,
  parseDpkgStatus,
} from "./distribution-records.ts";
import { parseNpmPackage, parseWheelFile, parseWheelRecord, wheelTitle } from "./language-records.ts";
import type { NpmSupport, ScannedPackage } from "./layer-scan.ts";
import { readRpmDatabase } from "./rpm-database.ts";

interface Wheel {
  readonly name: string;
  readonly version: string | undefined;
  record: string;
  files: readonly string[];
  tags: readonly string[];
}

interface NpmPackage {
  readonly name: string;
  readonly version: string | undefined;
  readonly supports: NpmSupport | undefined;
}

/**
 * Collects who put files where, and for what: installed wheels (Python packaging, "Recording installed projects"),
 * the databases of dpkg (also in the form of distroless images), apk and rpm, and the package.json of npm packages.
 */
export class PackageRecords {
  readonly #distribution: DistributionPackage[] = [];
  /** dpkg's package, alone and with its architecture → what its status says. */
  readonly #status = new Map<string, Pick<DistributionPackage, "version" | "architecture">>();
  /** Path of the .dist-info directory → wheel. */
  readonly #wheels = new Map<string, Wheel>();
  /** Path of package.json → package. */
  readonly #npm = new Map<string, NpmPackage>();

  /** True for files that {@link add} wants to see. */
  static wants(path: string): boolean {
    return (
      /\.dist-info\/(?:RECORD|WHEEL)$/.test(path) ||
      /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/.test(path) ||
      /^var\/lib\/dpkg\/(?:info\/[^/]+\.list|status|status\.d\/[^/]+)$/.test(path) ||
      /^(?:usr\/)?lib\/apk\/db\/installed$/.test(path) ||
      /^(?:var\/lib\/rpm|usr\/lib\/sysimage\/rpm)\/rpmdb\.sqlite$/.test(path)
    );
  }

  add(path: string, bytes: Uint8Array): void {
    if (path.endsWith("/rpmdb.sqlite")) {
      this.#distribution.push(...readRpmDatabase(bytes));
      return;
    }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    if (path.endsWith("/package.json")) this.#addNpm(path, text);
    else if (/\.dist-info\/[A-Z]+$/.test(path)) this.#addWheel(path, text);
    else if (path.endsWith("/apk/db/installed")) this.#distribution.push(...parseApk(text));
    else if (path.endsWith(".list") || path.endsWith(".md5sums")) {
      this.#distribution.push(parseDpkgList(path, text));
    } else {
      for (const { name, version, architecture } of parseDpkgStatus(text)) {
        const said = { ...(version && { version }), ...(architecture && { architecture }) };
        this.#status.set(name, said);
        if (architecture !== undefined) this.#status.set(`${name}:${architecture}`, said);
      }
    }
  }

  #addWheel(path: string, text: string): void {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const wheel = this.#wheels.get(folder) ?? { ...wheelTitle(folder), record: path, files: [], tags: [] };
    this.#wheels.set(folder, wheel);
    if (path.endsWith("/RECORD")) wheel.files = parseWheelRecord(path, text);
    else {
      wheel.tags = parseWheelFile(text);
      wheel.record = path;
    }
  }

  #addNpm(path: string, text: string): void {
    const found = parseNpmPackage(path, text);
    if (found !== undefined) this.#npm.set(path, found);
  }

  /**
   * The packages. Of what distributions install only files that `isText` doesn't know to be of no interest: they may be
   * in another layer than the record, so that what they are can't be told. Of npm's packages those that are for some
   * platforms only, or for which `hasBinaries` holds of their directory.
   */
  result(
    isText: (path: string) => boolean,
    hasBinaries: (folder: string) => boolean,
  ): readonly ScannedPackage[] {
    const installed = this.#distribution.map(({ files, ...rest }): ScannedPackage => {
      const key = rest.architecture === undefined ? rest.name : `${rest.name}:${rest.architecture}`;
      const said = rest.kind === "dpkg" ? (this.#status.get(key) ?? this.#status.get(rest.name)) : undefined;
      const kept = files.flatMap((file) => {
        const names = mergedNames(file);
        return names.some(isText) ? [] : names;
      });
      return { ...rest, ...said, files: kept };
    });
    const wheels = [...this.#wheels.values()].map((wheel): ScannedPackage => {
      const { name, version, record, tags } = wheel;
      const files = wheel.files.filter(looksNative);
      // Most wheels are for any platform and hold nothing native.
      const tagged = tags.length > 0 && (files.length > 0 || !tags.includes("any"));
      const said = { ...(version !== undefined && { version }), record };
      return { kind: "wheel", name, ...said, files, ...(tagged && { tags }) };
    });
    const modules = [...this.#npm]
      .filter(([path, { supports }]) => supports !== undefined || hasBinaries(folderOf(path)))
      .map(([record, { name, version, supports }]): ScannedPackage => ({
        kind: "npm",
        name,
        ...(version !== undefined && { version }),
        record,
        files: [],
        ...(supports && { supports }),
      }));
    const named = [...installed, ...wheels].filter(
      ({ files, tags }) => files.length > 0 || tags !== undefined,
    );
    return [...named, ...modules];
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Distributions list files under the names that packages ship them by; merged-/usr systems have them below usr/. */
function mergedNames(path: string): readonly string[] {
  return /^(?:bin|sbin|lib\w*)\//.test(path) ? [path, `usr/${path}`] : [path];
}

/** Names that native code has: libraries, extension modules, and programs without a suffix in bin/. */
function looksNative(path: string): boolean {
  return /\.(?:so(?:\.[\w.]+)?|node|dylib|pyd|dll|exe)$/.test(path) || /(?:^|\/)s?bin\/[^/]+$/.test(path);
}
