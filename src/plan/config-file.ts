import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse as parseToml, TomlError } from "smol-toml";
import { AnyarchError } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import { readTextFile } from "../host/text-file.ts";
import type { BuildOptions } from "./build-options.ts";
import { buildSection } from "./config-build.ts";
import { checkConfig, type RawConfig } from "./config-schema.ts";

/** Where a registry really is; names as in containers' registries.conf. */
export interface RegistrySettings {
  readonly location?: string;
  readonly mirrors?: readonly string[];
  readonly insecure?: boolean;
  /** Absolute path of PEM certificates. */
  readonly ca?: string;
}

export interface DebianSettings {
  readonly suite?: string;
  readonly packages?: readonly string[];
  readonly mirror?: string;
  /** Absolute path of the archive's keyring. */
  readonly keyring?: string;
  /** In full: archives with their suites (updates and security, too), instead of `mirror`. */
  readonly sources?: readonly DebianSourceSettings[];
}

export interface DebianSourceSettings {
  readonly uri: string;
  readonly suites: readonly string[];
  /** "main" by default. */
  readonly components?: readonly string[];
  /** Absolute path. */
  readonly keyring?: string;
}

/** anyarch.toml or pycontainer.toml, checked; paths in it are relative to `directory`. */
export interface ConfigFile {
  readonly path: string;
  readonly directory: string;
  readonly build: BuildOptions;
  readonly registries: Readonly<Record<string, RegistrySettings>>;
  readonly debian: DebianSettings | undefined;
  readonly verifyAllow: readonly string[];
  /** Rules of `check` that are left out, and severities in place of their own. */
  readonly check: {
    readonly skip: readonly string[];
    readonly severity: Readonly<Record<string, "error" | "warning" | "info" | "off">>;
  };
  readonly test: TestSettings;
}

/** [test]: what images have to do on each of their platforms. */
export interface TestSettings {
  readonly commands?: readonly (string | readonly string[] | CommandSettings)[];
  readonly files?: readonly string[];
  readonly ports?: readonly number[];
  readonly http?: readonly HttpSettings[];
  readonly expectArch?: boolean;
  /** A duration ("30s"). */
  readonly readyTimeout?: string;
  readonly timeout?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CommandSettings {
  readonly run: string | readonly string[];
  readonly name?: string;
  readonly exit?: number;
  readonly stdout?: string;
}

export interface HttpSettings {
  readonly port: number;
  readonly path?: string;
  readonly status?: number;
  readonly contains?: string;
}

const names = ["anyarch.toml", "pycontainer.toml"] as const;

/**
 * Reads the file given, or the first of anyarch.toml and pycontainer.toml in `directory`. Throws
 * INPUT_UNREADABLE, CONFIG_INVALID with the line, CONFIG_UNKNOWN_KEY with a suggestion.
 */
export function loadConfigFile(
  given: string | undefined,
  directory: string,
  cwd: string,
): ConfigFile | undefined {
  const found = names.map((name) => join(directory, name)).find((path) => existsSync(path));
  const path = given === undefined ? found : resolve(cwd, given);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    if (error instanceof AnyarchError) throw error;
    throw new AnyarchError(
      "INPUT_UNREADABLE",
      `The configuration ${path} can't be read: ${systemReason(error)}.`,
      {
        cause: error,
        ...(given !== undefined && { hint: "Give an existing file with --config." }),
      },
    );
  }
  return parseConfigFile(text, path);
}

export function parseConfigFile(text: string, path: string): ConfigFile {
  let value: unknown;
  try {
    value = parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    throw new AnyarchError("CONFIG_INVALID", `${path}, line ${error.line}: it isn't TOML: ${reason}.`, {
      cause: error,
      hint: 'Correct the line: values are "text", numbers, true, false or ["lists"].',
    });
  }
  const raw = checkConfig(value, path);
  const directory = dirname(path);
  return {
    path,
    directory,
    build: buildSection(raw.build ?? {}, raw),
    registries: registrySettings(raw, directory),
    debian: debianSettings(raw, directory),
    verifyAllow: raw.verify?.allow ?? [],
    check: { skip: raw.check?.skip ?? [], severity: raw.check?.severity ?? {} },
    test: testSettings(raw),
  };
}

function testSettings({ test = {} }: RawConfig): TestSettings {
  const { expect_arch: expectArch, ready_timeout: readyTimeout, env, ...same } = test;
  return {
    ...same,
    ...(expectArch !== undefined && { expectArch }),
    ...(readyTimeout !== undefined && { readyTimeout }),
    ...(env && { env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, String(value)])) }),
  };
}

function registrySettings(raw: RawConfig, directory: string): Record<string, RegistrySettings> {
  const entries = Object.entries(raw.registries ?? {}).map(([host, settings]) => {
    const { ca, ...rest } = settings;
    return [host, { ...rest, ...(ca !== undefined && { ca: resolve(directory, ca) }) }] as const;
  });
  return Object.fromEntries(entries);
}

function debianSettings(raw: RawConfig, directory: string): DebianSettings | undefined {
  const debian = raw.base?.debian;
  if (debian === undefined) return undefined;
  const { keyring, sources, ...rest } = debian;
  const absolute = (path: string | undefined) => path !== undefined && { keyring: resolve(directory, path) };
  return {
    ...rest,
    ...absolute(keyring),
    ...(sources && {
      sources: sources.map(({ keyring: path, ...source }) => ({ ...source, ...absolute(path) })),
    }),
  };
}
