import { existsSync } from "node:fs";
import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import type { BuilderOption } from "./builder-request.ts";

/*
 * The values of a Dockerfile build's flags, of which each has a small language of its own. `absolute` makes a path
 * absolute; messages name the flag, because most people write flags.
 */

type Absolute = (path: string) => string;
type Strings = Readonly<Record<string, string>>;

/** "[PLATFORM[,PLATFORM]=]ENDPOINT". The endpoint isn't looked at. Throws BUILDER_INVALID, PLATFORM_INVALID. */
export function parseBuilder(text: string, origin: BuilderOption["origin"]): BuilderOption {
  const equals = text.indexOf("=");
  const head = text.slice(0, Math.max(equals, 0));
  const hasPlatforms = equals >= 0 && !head.includes("://");
  const endpoint = (hasPlatforms ? text.slice(equals + 1) : text).trim();
  if (endpoint === "") {
    throw new AnyarchError("BUILDER_INVALID", `The builder "${text}" has no endpoint.`, {
      details: { builder: text },
    });
  }
  if (!hasPlatforms) return { endpoint, origin };
  return { platforms: head.split(",").map(parsePlatform), endpoint, origin };
}

/** By normalised platform. Throws PLATFORM_INVALID. */
export function byPlatform(args: Readonly<Record<string, Strings>> | undefined): Record<string, Strings> {
  const result: Record<string, Strings> = {};
  for (const [names, values] of Object.entries(args ?? {})) {
    for (const name of names.split(",")) {
      const platform = formatPlatform(parsePlatform(name));
      result[platform] = { ...result[platform], ...values };
    }
  }
  return result;
}

/** Throws USAGE for what docker would refuse, or what it would leave out without a word. */
export function checkBuildArgs(args: Strings): Strings {
  const wrong = Object.keys(args).find((name) => !/^[a-zA-Z_][\w.-]*$/.test(name));
  if (wrong === undefined) return args;
  throw new AnyarchError("USAGE", `"${wrong}" is no name of a build argument.`, {
    hint: "Write --build-arg NAME=VALUE, or --build-arg linux/arm64=NAME=VALUE for one platform.",
  });
}

const secretFields: ReadonlySet<string> = new Set(["id", "type", "src", "source", "env"]);

/**
 * A secret with an absolute path, or the variable that holds it: "id=token" alone is the variable TOKEN's, or that
 * of the file's name. The value itself is never read. Throws USAGE, INPUT_UNREADABLE.
 */
export function parseSecret(
  text: string,
  absolute: Absolute,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const hint = "Write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE.";
  const fields = keyValues(text);
  const { id, type, env: variable } = fields;
  const path = fields["src"] ?? fields["source"];
  const strange = Object.keys(fields).find((key) => !secretFields.has(key));
  if (strange !== undefined)
    throw new AnyarchError("USAGE", `--secret ${text} has an unknown part "${strange}".`, { hint });
  const name = id ?? (path === undefined ? variable : undefined);
  if (!name) throw new AnyarchError("USAGE", `--secret ${text} has no id.`, { hint });
  const fromEnv = variable ?? (type === "env" ? (path ?? name) : undefined);
  if (fromEnv !== undefined || (path === undefined && type !== "file" && env[name] !== undefined)) {
    const source = fromEnv ?? name;
    if (env[source] === undefined)
      throw new AnyarchError("USAGE", `--secret ${text}: the environment has no ${source}.`, { hint });
    return `id=${name},env=${source}`;
  }
  const file = absolute(path ?? name);
  if (!existsSync(file)) {
    throw new AnyarchError("INPUT_UNREADABLE", `The file ${file} of the secret ${name} doesn't exist.`, {
      hint,
    });
  }
  return `id=${name},src=${file}`;
}

/** "default", "default=SOCKET", "id=KEY[,KEY]" with absolute paths. Throws INPUT_UNREADABLE. */
export function parseSsh(text: string, absolute: Absolute): string {
  const equals = text.indexOf("=");
  if (equals < 0) return text;
  const paths = text
    .slice(equals + 1)
    .split(",")
    .map(absolute);
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) {
    throw new AnyarchError("INPUT_UNREADABLE", `${missing} of --ssh ${text} doesn't exist.`, {
      hint: "Name a key, or the socket of an ssh agent: --ssh default=$SSH_AUTH_SOCK",
    });
  }
  return `${text.slice(0, equals)}=${paths.join(",")}`;
}

/** Directories become absolute, addresses stay. Throws INPUT_UNREADABLE. */
export function parseNamedContext(name: string, value: string, absolute: Absolute): string {
  if (/^(?!oci-layout:)[a-z][a-z0-9+.-]*:\/\/|^(?:target|git@[^/]+):/.test(value)) return value;
  if (value.startsWith("oci-layout://")) {
    const [, path = "", rest = ""] =
      /^oci-layout:\/\/(.*?)((?::[\w][\w.-]*)?(?:@sha256:[a-f0-9]+)?)$/.exec(value) ?? [];
    return `oci-layout://${absolute(path)}${rest}`;
  }
  const path = absolute(value);
  if (existsSync(path)) return path;
  throw new AnyarchError("INPUT_UNREADABLE", `The directory ${path} of the context ${name} doesn't exist.`, {
    hint: "Write --build-context NAME=DIRECTORY, NAME=docker-image://REFERENCE or NAME=https://…",
  });
}

/** A relative directory of a local cache becomes absolute; all else stays. */
export function parseCache(text: string, absolute: Absolute): string {
  if (!/(?:^|,)type=local(?:,|$)/.test(text)) return text;
  return text.replace(/(^|,)(src|dest)=([^,]+)/g, (_, before: string, key: string, path: string) => {
    return `${before}${key}=${absolute(path)}`;
  });
}

/** --provenance and --sbom. Throws USAGE. */
export function parseAttestation(value: string | boolean, flag: string): string {
  if (typeof value === "boolean") return String(value);
  if (/^(?:true|false|[a-z-]+=.+)$/.test(value)) return value;
  const example =
    flag === "--sbom"
      ? "--sbom=true or --sbom=generator=IMAGE"
      : "--provenance=true or --provenance=mode=max";
  throw new AnyarchError("USAGE", `${flag} is "${value}", which is neither true, false nor KEY=VALUE.`, {
    hint: `Write ${example}.`,
  });
}

function keyValues(text: string): Record<string, string | undefined> {
  return Object.fromEntries(
    text.split(",").map((field) => {
      const equals = field.indexOf("=");
      return equals < 0
        ? [field.trim(), ""]
        : [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)];
    }),
  );
}
