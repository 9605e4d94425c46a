import { formatPlatform, type Platform } from "../oci/platform.ts";

/** "linux/arm/v7" as a part of a tag, a directory or a scope: "linux-arm-v7". */
export function platformSlug(platform: Platform): string {
  return formatPlatform(platform).replaceAll("/", "-");
}

/**
 * `--cache-to` values for one platform. Every platform is solved by itself, and a cache holds what was written
 * last: so each gets its own reference ("…:cache-linux-arm64"), directory, scope or name. Inline caches are in the image.
 */
export function cacheTargets(values: readonly string[], platform: Platform): readonly string[] {
  return values.map((value) => ofPlatform(value, platform) ?? value);
}

/**
 * `--cache-from` values for one platform: what {@link cacheTargets} writes for the same value. A reference that isn't
 * written by this build may be an image with an inline cache, which is for all platforms: it stays as well.
 */
export function cacheSources(
  from: readonly string[],
  to: readonly string[],
  platform: Platform,
): readonly string[] {
  const written = new Set(to.map(registryReference));
  return from.flatMap((value) => {
    const own = ofPlatform(value, platform);
    if (own === undefined) return [value];
    const reference = registryReference(value);
    return reference === undefined || written.has(reference) ? [own] : [own, value];
  });
}

/** The attribute that names a cache of a kind, and its value where it is absent. */
const naming: Readonly<Record<string, { readonly keys: readonly string[]; readonly fallback?: string }>> = {
  registry: { keys: ["ref"] },
  local: { keys: ["dest", "src"] },
  gha: { keys: ["scope"], fallback: "buildkit" },
  s3: { keys: ["name"], fallback: "buildkit" },
  azblob: { keys: ["name"], fallback: "buildkit" },
};

/** Undefined for what is the same for every platform: inline caches, digests, kinds that aren't known. */
function ofPlatform(value: string, platform: Platform): string | undefined {
  const fields = cacheFields(value);
  const kind = naming[fields.get("type") ?? ""];
  if (kind === undefined) return undefined;
  const key = kind.keys.find((name) => fields.has(name)) ?? (kind.fallback && kind.keys[0]);
  const name = fields.get(key ?? "") ?? kind.fallback;
  if (key === undefined || name === undefined || name.includes("@")) return undefined;
  const slug = platformSlug(platform);
  fields.set(key, fields.get("type") === "local" ? `${name.replace(/\/+$/, "")}/${slug}` : named(name, slug));
  return [...fields].map(([field, text]) => quoted(`${field}=${text}`)).join(",");
}

function named(name: string, slug: string): string {
  const isReference = name.includes("/");
  const hasTag = name.lastIndexOf(":") > name.lastIndexOf("/");
  return isReference && !hasTag ? `${name}:${slug}` : `${name}-${slug}`;
}

function registryReference(value: string): string | undefined {
  const fields = cacheFields(value);
  return fields.get("type") === "registry" ? fields.get("ref") : undefined;
}

/** Comma-separated KEY=VALUE, each possibly in double quotes, as buildx reads them; a bare reference is a registry's. */
function cacheFields(value: string): Map<string, string> {
  if (!value.includes("="))
    return new Map([
      ["type", "registry"],
      ["ref", value.trim()],
    ]);
  const parts = [...value.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g)]
    .map(([, inQuotes, plain = ""]) => inQuotes?.replaceAll('""', '"') ?? plain.trim())
    .filter((part) => part !== "");
  return new Map(
    parts.map((part) => {
      const equals = part.indexOf("=");
      return equals < 0 ? [part, ""] : [part.slice(0, equals).toLowerCase(), part.slice(equals + 1)];
    }),
  );
}

function quoted(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
