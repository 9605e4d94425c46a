import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Context } from "../../host/context.ts";
import { AnyarchError } from "../../errors/error.ts";
import { parseIni } from "./ini.ts";
import type { IndexOptions } from "./requirements-file.ts";
import { isTable, readToml, type TomlTable } from "./toml.ts";

/** Where packages come from, as the user's pip and uv are configured. URLs may hold user info: never show them. */
export interface IndexConfig {
  /** In the order in which they are asked; empty where indexes are switched off. */
  readonly indexes: readonly string[];
  /** True where none is named as the main one: that of the installed pip or uv comes first (defaultIndex). */
  readonly useDefault: boolean;
  /** URLs or absolute paths. */
  readonly findLinks: readonly string[];
  readonly trustedHosts: readonly string[];
  /** Absolute path of a PEM bundle. */
  readonly certificates?: string;
}

/** What one source of configuration says; those that come first win. */
interface Layer {
  indexUrl?: string | undefined;
  extra: string[];
  links: string[];
  trusted: string[];
  noIndex?: boolean | undefined;
  cert?: string | undefined;
}

/**
 * Puts together, strongest first: the requirement file's own options, uv's environment, pip's environment, the
 * project's uv configuration, pip's files, uv's files. Throws CONFIG_INVALID and INPUT_UNREADABLE.
 */
export async function readIndexConfig(
  options: IndexOptions | undefined,
  projectDir: string,
  ctx: Context,
): Promise<IndexConfig> {
  const { env } = ctx.host;
  const layers: Layer[] = [
    {
      indexUrl: options?.indexUrl,
      extra: [...(options?.extraIndexUrls ?? [])],
      links: [...(options?.findLinks ?? [])],
      trusted: [...(options?.trustedHosts ?? [])],
      noIndex: options?.noIndex === true ? true : undefined,
    },
    uvEnvironment(env, ctx.host.cwd),
    pipEnvironment(env, ctx.host.cwd),
    ...(await uvProject(projectDir, env)),
    await pipFiles(ctx),
    ...(await uvFiles(ctx)),
  ];
  const certificates = layers.find(({ cert }) => cert)?.cert;
  const noIndex = layers.find((layer) => layer.noIndex !== undefined)?.noIndex === true;
  const extra = layers.flatMap((layer) => layer.extra);
  const configured = layers.find(({ indexUrl }) => indexUrl)?.indexUrl;
  const main = configured === undefined ? [] : [configured];
  return {
    indexes: noIndex ? [] : [...new Set([...main, ...extra])],
    useDefault: !noIndex && configured === undefined,
    findLinks: [...new Set(layers.flatMap(({ links }) => links))],
    trustedHosts: layers.flatMap(({ trusted }) => trusted),
    ...(certificates !== undefined && { certificates }),
  };
}

type Env = Readonly<Record<string, string | undefined>>;

function words(text: string | undefined, separator: RegExp = /\s+/): string[] {
  return (text ?? "").split(separator).filter(Boolean);
}

function isTrue(text: string | undefined): boolean | undefined {
  return text === undefined || text === "" ? undefined : /^(?:1|true|yes|on|y|t)$/i.test(text);
}

function locate(location: string, base: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(location) ? location : resolve(base, location);
}

function pipEnvironment(env: Env, cwd: string): Layer {
  return {
    indexUrl: env["PIP_INDEX_URL"],
    extra: words(env["PIP_EXTRA_INDEX_URL"]),
    links: words(env["PIP_FIND_LINKS"]).map((link) => locate(link, cwd)),
    trusted: words(env["PIP_TRUSTED_HOST"]),
    noIndex: isTrue(env["PIP_NO_INDEX"]),
    cert: env["PIP_CERT"],
  };
}

function uvEnvironment(env: Env, cwd: string): Layer {
  const unnamed = (text: string): string =>
    withUvCredentials(text.replace(/^[\w.-]+=(?=[a-z]+:)/i, ""), text, env);
  const main = env["UV_DEFAULT_INDEX"] || env["UV_INDEX_URL"];
  return {
    indexUrl: main ? unnamed(main) : undefined,
    extra: [...words(env["UV_INDEX"]), ...words(env["UV_EXTRA_INDEX_URL"])].map(unnamed),
    links: words(env["UV_FIND_LINKS"], /[\s,]+/).map((link) => locate(link, cwd)),
    trusted: words(env["UV_INSECURE_HOST"]),
    noIndex: isTrue(env["UV_NO_INDEX"]),
  };
}

/** uv gives a named index its credentials by UV_INDEX_<NAME>_USERNAME and …_PASSWORD. */
function withUvCredentials(url: string, named: string, env: Env): string {
  const name = named === url ? undefined : named.slice(0, named.indexOf("="));
  return name === undefined ? url : addUvCredentials(url, name, env);
}

function addUvCredentials(text: string, name: string, env: Env): string {
  const key = name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
  const [username, password] = [env[`UV_INDEX_${key}_USERNAME`], env[`UV_INDEX_${key}_PASSWORD`]];
  if ((!username && !password) || !URL.canParse(text)) return text;
  const url = new URL(text);
  url.username = encodeURIComponent(username ?? "");
  url.password = encodeURIComponent(password ?? "");
  return url.href;
}

function uvLayer(table: TomlTable, base: string, env: Env): Layer {
  const layer: Layer = { extra: [], links: [], trusted: [] };
  const indexes = Array.isArray(table["index"]) ? table["index"].filter(isTable) : [];
  for (const { name, url, explicit, default: isDefault } of indexes) {
    if (typeof url !== "string" || explicit === true) continue;
    const located = typeof name === "string" ? addUvCredentials(url, name, env) : url;
    if (isDefault === true) layer.indexUrl ??= located;
    else layer.extra.push(located);
  }
  const list = (key: string): string[] => {
    const value = table[key];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  };
  const [main, noIndex] = [table["index-url"], table["no-index"]];
  if (typeof main === "string") layer.indexUrl ??= main;
  if (typeof noIndex === "boolean") layer.noIndex = noIndex;
  layer.extra.push(...list("extra-index-url"));
  layer.links.push(...list("find-links").map((link) => locate(link, base)));
  layer.trusted.push(...list("allow-insecure-host"));
  return layer;
}

/** uv.toml beside pyproject.toml replaces [tool.uv]; `[tool.uv.pip]` concerns `uv pip` only and is taken last. */
async function uvProject(projectDir: string, env: Env): Promise<readonly Layer[]> {
  const own = await readToml(join(projectDir, "uv.toml"), "CONFIG_INVALID");
  if (own !== undefined) return [uvLayer(own.root, projectDir, env), pipTable(own.root, projectDir, env)];
  const pyproject = await readToml(join(projectDir, "pyproject.toml"), "CONFIG_INVALID");
  const tool = pyproject?.root["tool"];
  const table = isTable(tool) ? tool["uv"] : undefined;
  return isTable(table) ? [uvLayer(table, projectDir, env), pipTable(table, projectDir, env)] : [];
}

function pipTable(table: TomlTable, base: string, env: Env): Layer {
  return uvLayer(isTable(table["pip"]) ? table["pip"] : {}, base, env);
}

async function uvFiles(ctx: Context): Promise<readonly Layer[]> {
  const { env, home } = ctx.host;
  const explicit = env["UV_CONFIG_FILE"];
  const paths = explicit
    ? [explicit]
    : [join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "uv/uv.toml"), "/etc/uv/uv.toml"];
  if (isTrue(env["UV_NO_CONFIG"]) === true) return [];
  const layers: Layer[] = [];
  for (const path of paths) {
    const document = await readToml(path, "CONFIG_INVALID");
    if (document !== undefined) layers.push(uvLayer(document.root, resolve(path, ".."), env));
  }
  return layers;
}

/** pip's files from the weakest to the strongest, as `pip config debug` lists them. */
function pipFilePaths(ctx: Context): readonly string[] {
  const { env, home, os } = ctx.host;
  const explicit = env["PIP_CONFIG_FILE"];
  if (explicit === "/dev/null" || explicit === "nul") return [];
  const configHome = env["XDG_CONFIG_HOME"] || join(home, ".config");
  const global = words(env["XDG_CONFIG_DIRS"] || "/etc/xdg", /:/).map((dir) => join(dir, "pip/pip.conf"));
  const mac = os === "darwin" ? ["Library/Application Support/pip/pip.conf"] : [];
  return [
    ...global.toReversed(),
    "/etc/pip.conf",
    join(home, ".pip/pip.conf"),
    ...mac.map((path) => join(home, path)),
    join(configHome, "pip/pip.conf"),
    ...(env["VIRTUAL_ENV"] ? [join(env["VIRTUAL_ENV"], "pip.conf")] : []),
    ...(explicit ? [explicit] : []),
  ];
}

async function pipFiles(ctx: Context): Promise<Layer> {
  const merged: Record<string, string> = {};
  for (const path of pipFilePaths(ctx)) {
    const text = await readText(path);
    if (text === undefined) continue;
    const ini = parseIni(text);
    // What concerns the command is stronger than what concerns all.
    Object.assign(merged, ini["global"], ini["install"]);
  }
  return {
    indexUrl: merged["index-url"],
    extra: words(merged["extra-index-url"]),
    links: words(merged["find-links"]).map((link) => locate(link, ctx.host.cwd)),
    trusted: words(merged["trusted-host"]),
    noIndex: isTrue(merged["no-index"]),
    cert: merged["cert"],
  };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw new AnyarchError("INPUT_UNREADABLE", `pip's configuration ${path} can't be read.`, {
      cause: error,
    });
  }
}
