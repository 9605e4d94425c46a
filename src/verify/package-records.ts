import type { ScannedPackage } from "./layer-scan.ts";

/**
 * Collects who put files where: the RECORD of installed wheels (Python packaging, "Recording installed
 * projects"), dpkg's file lists (also in the form of distroless images) and apk's database.
 */
export class PackageRecords {
  readonly #packages: { kind: ScannedPackage["kind"]; name: string; files: string[] }[] = [];
  readonly #versions = new Map<string, string>();

  /** True for files that {@link add} wants to see. */
  static wants(path: string): boolean {
    return (
      path.endsWith(".dist-info/RECORD") ||
      /^var\/lib\/dpkg\/(?:info\/[^/]+\.list|status|status\.d\/[^/]+)$/.test(path) ||
      /^(?:usr\/)?lib\/apk\/db\/installed$/.test(path)
    );
  }

  add(path: string, bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString("utf8");
    if (path.endsWith("/RECORD")) this.#addWheel(path, text);
    else if (path.endsWith("/apk/db/installed")) this.#addApk(text);
    else if (path.endsWith(".list")) this.#addDpkg(nameOf(path, ".list"), text.split("\n"));
    else if (path.endsWith(".md5sums")) {
      const files = text.split("\n").map((line) => line.replace(/^[0-9a-f]{32}\s+/, ""));
      this.#addDpkg(nameOf(path, ".md5sums"), files);
    } else this.#addStatus(text);
  }

  #addWheel(path: string, text: string): void {
    const match = /^(?:(.*)\/)?([^/]+)\.dist-info\/RECORD$/.exec(path);
    if (match === null) return;
    const [, root = "", title = ""] = match;
    const dash = title.lastIndexOf("-");
    const name = dash < 0 ? title : title.slice(0, dash);
    const files = text
      .split("\n")
      .map((line) => joinPath(root, firstField(line)))
      .filter((file) => file !== "" && looksNative(file));
    this.#packages.push({ kind: "wheel", name, files });
    if (dash >= 0) this.#versions.set(`wheel ${name}`, title.slice(dash + 1));
  }

  #addDpkg(name: string, lines: readonly string[]): void {
    const files = lines.map((line) => line.trim().replace(/^\.?\/+/, "")).filter(couldBeBinary);
    this.#packages.push({ kind: "dpkg", name, files });
  }

  #addStatus(text: string): void {
    for (const paragraph of text.split(/\n\n+/)) {
      const name = /^Package: *(\S+)/m.exec(paragraph)?.[1];
      const version = /^Version: *(\S+)/m.exec(paragraph)?.[1];
      if (name !== undefined && version !== undefined) this.#versions.set(`dpkg ${name}`, version);
    }
  }

  #addApk(text: string): void {
    for (const paragraph of text.split(/\n\n+/)) {
      const name = /^P:(.+)$/m.exec(paragraph)?.[1];
      if (name === undefined) continue;
      const version = /^V:(.+)$/m.exec(paragraph)?.[1];
      if (version !== undefined) this.#versions.set(`apk ${name}`, version);
      const files: string[] = [];
      let folder = "";
      for (const line of paragraph.split("\n")) {
        if (line.startsWith("F:")) folder = line.slice(2);
        else if (line.startsWith("R:")) files.push(joinPath(folder, line.slice(2)));
      }
      this.#packages.push({ kind: "apk", name, files: files.filter(couldBeBinary) });
    }
  }

  /**
   * The packages. Of dpkg's and apk's files only those for which `isBinary` holds; of a wheel's those whose
   * name looks like a binary's, as they may be in another layer than the record.
   */
  result(isBinary: (path: string) => boolean): readonly ScannedPackage[] {
    return this.#packages
      .map(({ kind, name, files }) => {
        const version = this.#versions.get(`${kind} ${name}`);
        const kept = kind === "wheel" ? files : files.flatMap((file) => mergedNames(file).filter(isBinary));
        return { kind, name, ...(version !== undefined && { version }), files: kept };
      })
      .filter(({ files }) => files.length > 0);
  }
}

/** dpkg lists files under the names that packages ship them by; merged-/usr systems have them below usr/. */
function mergedNames(path: string): readonly string[] {
  return /^(?:bin|sbin|lib\w*)\//.test(path) ? [path, `usr/${path}`] : [path];
}

/** "libc6:amd64.list" → "libc6". */
function nameOf(path: string, suffix: string): string {
  const base = path.slice(path.lastIndexOf("/") + 1, -suffix.length);
  const colon = base.indexOf(":");
  return colon < 0 ? base : base.slice(0, colon);
}

/** The first field of a CSV line. */
function firstField(line: string): string {
  if (!line.startsWith('"')) return line.split(",", 1)[0]?.trim() ?? "";
  const quoted = /^"((?:[^"]|"")*)"/.exec(line)?.[1] ?? "";
  return quoted.replaceAll('""', '"');
}

/** Resolves "." and ".."; "" for what is empty or leads out of the root. */
function joinPath(root: string, path: string): string {
  if (path === "") return "";
  const parts: string[] = [];
  for (const part of path.startsWith("/") ? path.split("/") : `${root}/${path}`.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return "";
  }
  return parts.join("/");
}

/** Names that native code has: libraries, extension modules, and programs without a suffix in bin/. */
function looksNative(path: string): boolean {
  return /\.(?:so(?:\.[\w.]+)?|node|dylib|pyd|dll|exe)$/.test(path) || /(?:^|\/)s?bin\/[^/]+$/.test(path);
}

function couldBeBinary(path: string): boolean {
  return (
    path !== "" &&
    !path.startsWith("usr/share/") &&
    !/\.(?:py|pyc|h|hpp|txt|md|html|json|gz|xml|conf|js|pl|pm|list|md5sums)$/.test(path)
  );
}
