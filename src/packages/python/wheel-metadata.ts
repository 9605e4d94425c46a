import { AnyarchError } from "../../errors/error.ts";
import { normalizeName } from "./name.ts";
import { parseWheelName } from "./wheel-filename.ts";

/** The first value of each header of a METADATA or WHEEL file, by lower-case name; and all `Requires-Dist`. */
export interface Headers {
  readonly first: ReadonlyMap<string, string>;
  readonly requires: readonly string[];
}

/** Reads headers up to the first empty line. */
export function parseHeaders(text: string): Headers {
  const first = new Map<string, string>();
  const requires: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line === "") break;
    const [, name = "", value = ""] = /^([A-Za-z0-9-]+):\s*(.*?)\s*$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (key === "requires-dist") requires.push(value);
    if (key !== "" && !first.has(key)) first.set(key, value);
  }
  return { first, requires };
}

/** The one `<name>-<version>.dist-info` directory of a wheel. Throws WHEEL_INVALID. */
export function findDistInfo(paths: readonly string[], filename: string): string {
  const tops = new Set(paths.map((path) => path.slice(0, path.indexOf("/"))));
  const found = [...tops].filter((top) => top.endsWith(".dist-info"));
  const name = parseWheelName(filename)?.name;
  const [own, ...more] = found.filter(
    (top) =>
      name === undefined || normalizeName(top.slice(0, -".dist-info".length).replace(/-[^-]*$/, "")) === name,
  );
  if (own !== undefined && more.length === 0) return own;
  const why =
    found.length === 0
      ? "it has no .dist-info directory"
      : `its .dist-info directories are ${found.join(", ")}`;
  throw new AnyarchError("WHEEL_INVALID", `${filename} isn't a wheel of its name: ${why}.`);
}

/** Checks Wheel-Version (1.x; a later minor version may be read, a later major may not). Throws WHEEL_INVALID. */
export function checkWheelVersion(headers: Headers, filename: string): void {
  const version = headers.first.get("wheel-version");
  if (version !== undefined && /^1\.\d+$/.test(version)) return;
  throw new AnyarchError(
    "WHEEL_INVALID",
    `${filename} has the wheel version ${version ?? "(none)"}; version 1 can be installed.`,
  );
}
