/** Directories of the root that are links into /usr since Debian 12 (merged-/usr). */
const merged = /^(bin|sbin|lib|lib32|lib64|libx32|libo32)(?=\/|$)/;

/** Where a path of a package lies once /usr is merged: "bin/sh" is "usr/bin/sh". */
export function mergeIntoUsr(path: string): string {
  return merged.test(path) ? `usr/${path}` : path;
}

/** The link names ("bin", "lib64") that the paths of an architecture's packages need; bin, sbin and lib always. */
export function usrLinks(paths: Iterable<string>): string[] {
  const names = new Set(["bin", "lib", "sbin"]);
  for (const path of paths) {
    const name = merged.exec(path.startsWith("usr/") ? path.slice(4) : path)?.[1];
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}
