import type { NpmSupport } from "./layer-scan.ts";

/** Name and version of ".../numpy-2.1.0.dist-info". */
export function wheelTitle(folder: string): { readonly name: string; readonly version: string | undefined } {
  const title = folder.slice(folder.lastIndexOf("/") + 1, -".dist-info".length);
  const dash = title.lastIndexOf("-");
  return dash < 0
    ? { name: title, version: undefined }
    : { name: title.slice(0, dash), version: title.slice(dash + 1) };
}

/** The files of a wheel's RECORD, a CSV of paths relative to the directory that has the .dist-info. */
export function parseWheelRecord(path: string, text: string): readonly string[] {
  const root = /^(?:(.*)\/)?[^/]+\.dist-info\/RECORD$/.exec(path)?.[1] ?? "";
  // A hostile path of the record itself would count for each of its lines.
  if (root.length > 4096) return [];
  const names = text.split("\n").map(firstField);
  const few = names.slice(0, Math.max(10_000, Math.floor((16 * text.length) / (root.length + 1))));
  return few.map((name) => joinPath(root, name)).filter((file) => file !== "");
}

/** The platforms of the tags in a WHEEL file ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"). */
export function parseWheelFile(text: string): readonly string[] {
  const tags = [...text.matchAll(/^Tag: *(\S+)/gim)].flatMap(
    ([, tag = ""]) => tag.split("-").at(-1)?.split(".") ?? [],
  );
  return [...new Set(tags)];
}

/** Undefined for what isn't a package's package.json. */
export function parseNpmPackage(
  path: string,
  text: string,
):
  | { readonly name: string; readonly version: string | undefined; readonly supports: NpmSupport | undefined }
  | undefined {
  const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1];
  if (name === undefined) return undefined;
  const version = /"version"\s*:\s*"([^"]{1,100})"/.exec(text)?.[1];
  // Thousands of these are read, few restrict anything.
  const supports = /"(?:os|cpu|libc)"\s*:/.test(text) ? supportOf(text) : undefined;
  return { name, version, supports };
}

function supportOf(text: string): NpmSupport | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const list = (name: string): readonly string[] | undefined => {
    const field = fields[name];
    const words = typeof field === "string" ? [field] : Array.isArray(field) ? field : [];
    const known = words.filter((word): word is string => typeof word === "string" && word !== "any");
    return known.length > 0 ? known : undefined;
  };
  const [os, cpu, libc] = [list("os"), list("cpu"), list("libc")];
  if ((os ?? cpu ?? libc) === undefined) return undefined;
  return { ...(os && { os }), ...(cpu && { cpu }), ...(libc && { libc }) };
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
