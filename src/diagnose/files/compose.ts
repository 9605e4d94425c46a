import { posix } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { AnyarchError } from "../../errors/error.ts";

/** A Dockerfile that a compose or bake file builds. */
export interface NamedBuild {
  /** Service or target. */
  readonly name: string;
  /** Relative to the file's directory; absent where the Dockerfile is in the file itself. */
  readonly path?: string;
  /** Directory of the build's context, relative likewise; absent where that isn't one here. */
  readonly context?: string;
  readonly inline?: {
    readonly text: string;
    /** 1-based, of its first line in the file. */ readonly line: number;
  };
  readonly platforms: readonly string[];
}

/** The builds of a compose file's services. Throws INPUT_INVALID for what isn't YAML. */
export function composeBuilds(file: string, text: string): NamedBuild[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new AnyarchError(
      "INPUT_INVALID",
      `${file} isn't YAML: ${(error.message.split("\n")[0] ?? "").replace(/:$/, "")}.`,
    );
  }
  const services: unknown = document.get("services");
  if (!isMap(services)) return [];
  return services.items.flatMap(({ key, value }): NamedBuild[] => {
    const name = String(isScalar(key) ? key.value : key);
    if (!isMap(value)) return [];
    const build: unknown = value.get("build");
    if (typeof build === "string") return named(name, build, undefined, []);
    if (!isMap(build)) return [];
    const inline: unknown = build.get("dockerfile_inline", true);
    const platforms = textList(build.get("platforms"));
    if (isScalar(inline) && typeof inline.value === "string") {
      const { line } = lines.linePos(inline.range?.[0] ?? 0);
      const block = inline.type === "BLOCK_LITERAL" || inline.type === "BLOCK_FOLDED";
      return [
        {
          name,
          inline: { text: inline.value, line: block ? line + 1 : line },
          platforms,
          ...localContext(textOf(build.get("context"))),
        },
      ];
    }
    return named(name, textOf(build.get("context")) ?? ".", textOf(build.get("dockerfile")), platforms);
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function textList(value: unknown): string[] {
  const list: unknown =
    typeof value === "object" && value !== null && "toJSON" in value
      ? (value as { toJSON(): unknown }).toJSON()
      : value;
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === "string") : [];
}

/** A context that is an address, or holds variables, is left alone. */
function named(
  name: string,
  context: string,
  dockerfile: string | undefined,
  platforms: readonly string[],
): NamedBuild[] {
  if (/^[\w+.-]+:\/\/|^git@|\$/.test(`${context}${dockerfile ?? ""}`)) return [];
  const file = dockerfile ?? "Dockerfile";
  const path = posix.isAbsolute(file) ? file : posix.join(context, file);
  return [{ name, path, platforms, ...localContext(context) }];
}

function localContext(context = "."): { readonly context?: string } {
  return /^[\w+.-]+:\/\/|^git@|\$/.test(context) ? {} : { context };
}

/** The builds of a bake file, JSON or the plain part of HCL. Throws INPUT_INVALID for JSON that is none. */
export function bakeBuilds(file: string, text: string): NamedBuild[] {
  return file.endsWith(".json") ? bakeJson(file, text) : bakeHcl(text);
}

function bakeJson(file: string, text: string): NamedBuild[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AnyarchError("INPUT_INVALID", `${file} isn't JSON.`, { cause });
  }
  const targets = (value as { target?: unknown } | null)?.target;
  if (typeof targets !== "object" || targets === null) return [];
  return Object.entries(targets as Record<string, unknown>).flatMap(([name, target]) => {
    if (typeof target !== "object" || target === null) return [];
    const { context, dockerfile, platforms, ...rest } = target as Record<string, unknown>;
    const inline = rest["dockerfile-inline"];
    if (typeof inline === "string")
      return [
        {
          name,
          inline: { text: inline, line: 1 },
          platforms: textList(platforms),
          ...localContext(textOf(context)),
        },
      ];
    if (context === undefined && dockerfile === undefined) return [];
    return named(name, textOf(context) ?? ".", textOf(dockerfile), textList(platforms));
  });
}

/** `target "name" { … }` with plain strings; what functions and variables make of others isn't known. */
function bakeHcl(text: string): NamedBuild[] {
  const builds: NamedBuild[] = [];
  let name: string | undefined;
  let body: string[] = [];
  let depth = 0;
  for (const line of text.split("\n")) {
    const code = line.replace(/^\s*(?:#|\/\/).*$/, "");
    const start = depth === 0 ? /^\s*target\s+"([^"]{1,200})"\s*\{/.exec(code) : null;
    if (start !== null) {
      name = start[1];
      body = [];
    }
    depth += code.split("{").length - code.split("}").length;
    if (name !== undefined) body.push(code);
    if (name === undefined || depth > 0) continue;
    builds.push(...hclTarget(name, body.join("\n")));
    name = undefined;
  }
  return builds;
}

function hclTarget(name: string, body: string): NamedBuild[] {
  const value = (key: string): string | undefined =>
    new RegExp(`^\\s*${key}\\s*=\\s*"([^"\\n]*)"`, "m").exec(body)?.[1];
  const list = /^\s*platforms\s*=\s*\[([^\]]{0,2000})\]/m.exec(body)?.[1] ?? "";
  const platforms = [...list.matchAll(/"([^"]{1,60})"/g)].map((match) => match[1] ?? "");
  const context = value("context");
  const dockerfile = value("dockerfile");
  return context === undefined && dockerfile === undefined
    ? []
    : named(name, context ?? ".", dockerfile, platforms);
}
