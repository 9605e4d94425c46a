import type { LayerScan } from "./layer-scan.ts";

/** Symbolic links followed until a path counts as a loop; Linux's own limit. */
const maxLinks = 40;

/**
 * The file system that layers make on top of each other: which layer each path that isn't a directory comes
 * from, after whiteouts and replacements (image-spec layer.md, "Applying Changesets").
 */
export class ImageTree {
  /** Directory → name → index of the layer. Every directory has its ancestors. */
  readonly #folders = new Map<string, Map<string, number>>([["", new Map()]]);
  readonly #symlinks = new Map<string, string>();
  /** Layer → directory as the layer writes it → where it is, as directories below may be symbolic links. */
  readonly #written = new Map<number, Map<string, string>>();

  /** Puts a layer on top. Layers must come from the lowest upwards. */
  add(scan: LayerScan, layer: number): void {
    for (const folder of scan.opaque) this.#clear(this.#followFolder(folder));
    for (const path of scan.whiteouts) {
      const [folder, name] = splitPath(path);
      this.#remove(this.#followFolder(folder), name);
    }
    const places = new Map<string, string>();
    this.#written.set(layer, places);
    const implied = new Set(scan.implied);
    const symlinks = new Map(Object.entries(scan.symlinks));
    for (const folder of Object.keys(scan.tree).sort(byDepth)) {
      const place = this.#makeFolder(folder, (path) => Object.hasOwn(scan.tree, path) && !implied.has(path));
      places.set(folder, place);
      for (const name of scan.tree[folder] ?? []) {
        this.#remove(place, name);
        this.#folders.get(place)?.set(name, layer);
        const target = symlinks.get(joinName(folder, name));
        if (target !== undefined) this.#symlinks.set(joinName(place, name), target);
      }
    }
  }

  /** Whether `path`, as the layer writes it, is what the image shows: not hidden, replaced or removed above. */
  isLive(layer: number, path: string): boolean {
    return this.layerOf(this.placeOf(layer, path)) === layer;
  }

  /** Where in the image the path that a layer writes is. */
  placeOf(layer: number, path: string): string {
    const [folder, name] = splitPath(path);
    return joinName(this.#written.get(layer)?.get(folder) ?? folder, name);
  }

  /** The layer that a path which isn't a directory comes from; links aren't followed. */
  layerOf(path: string): number | undefined {
    const [folder, name] = splitPath(path);
    return this.#folders.get(folder)?.get(name);
  }

  /** Where a path leads, all links followed; undefined where nothing is. */
  resolve(path: string): string | undefined {
    let links = 0;
    const parts = path.split("/").toReversed();
    let at: string[] = [];
    while (parts.length > 0) {
      const part = parts.pop() ?? "";
      if (part === "" || part === ".") continue;
      if (part === "..") {
        at.pop();
        continue;
      }
      const here = joinName(at.join("/"), part);
      const target = this.#symlinks.get(here);
      if (target === undefined) at.push(part);
      else if (++links > maxLinks) return undefined;
      else {
        if (target.startsWith("/")) at = [];
        parts.push(...target.split("/").toReversed());
      }
    }
    const found = at.join("/");
    return this.#folders.has(found) || this.layerOf(found) !== undefined ? found : undefined;
  }

  /** The names of all that isn't a directory, in the directories for which `wanted` holds. */
  names(wanted: (folder: string) => boolean = () => true): ReadonlySet<string> {
    const all = new Set<string>();
    for (const [folder, names] of this.#folders) {
      if (wanted(folder)) for (const name of names.keys()) all.add(name);
    }
    return all;
  }

  /** The place of a directory, made where it isn't there. One with an entry of its own replaces a link. */
  #makeFolder(folder: string, isEntry: (path: string) => boolean): string {
    if (folder === "") return "";
    const [parent, name] = splitPath(folder);
    const parentPlace = this.#makeFolder(parent, isEntry);
    const place = joinName(parentPlace, name);
    if (this.#folders.has(place)) return place;
    if (this.#symlinks.has(place) && !isEntry(folder)) {
      const target = this.resolve(place);
      if (target !== undefined && this.#folders.has(target)) return target;
    }
    this.#remove(parentPlace, name);
    this.#folders.set(place, new Map());
    return place;
  }

  #followFolder(folder: string): string {
    return this.resolve(folder) ?? folder;
  }

  /** Removes what has this name, be it a file or a directory with all in it. */
  #remove(folder: string, name: string): void {
    const path = joinName(folder, name);
    if (this.#folders.get(folder)?.delete(name) === true) this.#symlinks.delete(path);
    if (!this.#folders.has(path)) return;
    this.#clear(path);
    this.#folders.delete(path);
  }

  /** Removes all that is in a directory. */
  #clear(folder: string): void {
    const prefix = folder === "" ? "" : `${folder}/`;
    for (const path of this.#folders.keys()) {
      if (path !== folder && path !== "" && path.startsWith(prefix)) this.#folders.delete(path);
    }
    for (const path of this.#symlinks.keys()) if (path.startsWith(prefix)) this.#symlinks.delete(path);
    this.#folders.get(folder)?.clear();
  }
}

function byDepth(a: string, b: string): number {
  return depth(a) - depth(b) || (a < b ? -1 : 1);
}

function depth(path: string): number {
  let count = path === "" ? 0 : 1;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) count++;
  return count;
}

/** "usr/bin/env" → ["usr/bin", "env"]. */
function splitPath(path: string): readonly [string, string] {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? ["", path] : [path.slice(0, slash), path.slice(slash + 1)];
}

function joinName(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
