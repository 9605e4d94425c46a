import { parse, TomlError } from "smol-toml";
import { AnyarchError, systemCode } from "../../errors/error.ts";
import type { ErrorCode } from "../../errors/codes.ts";
import { systemReason } from "../../errors/system-error.ts";
import { readTextFile } from "../../host/text-file.ts";

export type TomlTable = Readonly<Record<string, unknown>>;

/** A parsed TOML file that gives typed values and, for what is wrong, errors that name file and line. */
export class TomlDocument {
  readonly path: string;
  readonly root: TomlTable;
  readonly #text: string;
  readonly #code: ErrorCode;

  constructor(path: string, text: string, code: ErrorCode) {
    this.path = path;
    this.#text = text;
    this.#code = code;
    try {
      this.root = parse(text);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      const why = error.message.split("\n", 1)[0]?.replace(/^Invalid TOML document: /, "") ?? "";
      throw new AnyarchError(code, `${path}:${error.line}:${error.column}: ${why}`, {
        cause: error,
        hint: "Correct the file; it is not TOML.",
        details: { path, line: error.line, column: error.column },
      });
    }
  }

  /** The error for `key` ("project.dependencies") being wrong: names its line where it can be found. */
  invalid(key: string, why: string): AnyarchError {
    const line = this.#lineOf(key);
    return new AnyarchError(
      this.#code,
      `${this.path}${line === undefined ? "" : `:${line}`}: ${key} ${why}.`,
      {
        details: { path: this.path, key, ...(line !== undefined && { line }) },
      },
    );
  }

  table(value: unknown, key: string): TomlTable {
    if (value === undefined) return {};
    if (!isTable(value)) throw this.invalid(key, "must be a table");
    return value;
  }

  tables(value: unknown, key: string): readonly TomlTable[] {
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every(isTable)) throw this.invalid(key, "must be a list of tables");
    return value;
  }

  string(value: unknown, key: string): string | undefined {
    if (value === undefined || typeof value === "string") return value;
    throw this.invalid(key, "must be text");
  }

  strings(value: unknown, key: string): readonly string[] {
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
      throw this.invalid(key, "must be a list of texts");
    return value;
  }

  /** A table of texts: `[project.scripts]`. */
  stringTable(value: unknown, key: string): Readonly<Record<string, string>> {
    const table = this.table(value, key);
    for (const [name, item] of Object.entries(table))
      if (typeof item !== "string") throw this.invalid(`${key}.${name}`, "must be text");
    return table as Readonly<Record<string, string>>;
  }

  /** The line of a key, by its table's header and its own beginning; that of the header where it isn't found. */
  #lineOf(key: string): number | undefined {
    const parts = key.split(".");
    const name = parts.pop() ?? "";
    const lines = this.#text.split("\n");
    const header = lines.findIndex((line) => headerName(line) === parts.join("."));
    const full = lines.findIndex((line) => headerName(line) === key);
    if (full >= 0) return full + 1;
    if (header < 0 && parts.length > 0) return undefined;
    for (let index = header + 1; index < lines.length; index++) {
      const line = lines[index] ?? "";
      if (headerName(line) !== undefined) break;
      if (line.trimStart().replace(/^["']/, "").startsWith(name)) return index + 1;
    }
    return header < 0 ? undefined : header + 1;
  }
}

function headerName(line: string): string | undefined {
  return /^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$/.exec(line)?.[1]?.replaceAll(/["'\s]/g, "");
}

export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Reads a TOML file; undefined where there is none. Throws `code` (with file and line) where it is malformed. */
export async function readToml(path: string, code: ErrorCode): Promise<TomlDocument | undefined> {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    if (error instanceof AnyarchError) throw error;
    throw new AnyarchError("INPUT_UNREADABLE", `${path} can't be read: ${systemReason(error)}.`, {
      cause: error,
    });
  }
  return new TomlDocument(path, text, code);
}
