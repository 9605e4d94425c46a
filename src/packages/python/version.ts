/** A parsed version as PEP 440 defines it; the canonical text comes from {@link formatVersion}. */
export interface Version {
  readonly epoch: number;
  /** At least one number; not trimmed. */
  readonly release: readonly number[];
  readonly pre?: readonly ["a" | "b" | "rc", number];
  readonly post?: number;
  readonly dev?: number;
  readonly local?: readonly (string | number)[];
}

const pattern =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d+)?)?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d+)?)?(?:[-_.]?(dev)[-_.]?(\d+)?)?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;

const preNames: Readonly<Record<string, "a" | "b" | "rc">> = {
  a: "a",
  alpha: "a",
  b: "b",
  beta: "b",
  c: "rc",
  rc: "rc",
  pre: "rc",
  preview: "rc",
};

/** Parses a version in any of the spellings that PEP 440 normalises; undefined where it isn't one. */
export function parseVersion(text: string): Version | undefined {
  const match = pattern.exec(text.trim().toLowerCase());
  if (match === null) return undefined;
  const [
    ,
    epoch,
    release = "",
    preName,
    preNumber,
    implicitPost,
    postName,
    postNumber,
    dev,
    devNumber,
    local,
  ] = match;
  const pre = preName === undefined ? undefined : preNames[preName];
  const isPost = implicitPost !== undefined || postName !== undefined;
  return {
    epoch: Number(epoch ?? 0),
    release: release.split(".").map(Number),
    ...(pre !== undefined && { pre: [pre, Number(preNumber ?? 0)] as const }),
    ...(isPost && { post: Number(implicitPost ?? postNumber ?? 0) }),
    ...(dev !== undefined && { dev: Number(devNumber ?? 0) }),
    ...(local !== undefined && {
      local: local.split(/[-_.]/).map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
    }),
  };
}

/** The normalised text: `1!2.0rc1.post2.dev3+local.4`. */
export function formatVersion(version: Version): string {
  const { epoch, release, pre, post, dev, local } = version;
  return [
    epoch === 0 ? "" : `${epoch}!`,
    release.join("."),
    pre === undefined ? "" : pre.join(""),
    post === undefined ? "" : `.post${post}`,
    dev === undefined ? "" : `.dev${dev}`,
    local === undefined ? "" : `+${local.join(".")}`,
  ].join("");
}

/** The normalised text of a version, or the text itself where it isn't one. */
export function canonicalVersion(text: string): string {
  const version = parseVersion(text);
  return version === undefined ? text.trim() : formatVersion(version);
}

export function isPrerelease(version: Version): boolean {
  return version.pre !== undefined || version.dev !== undefined;
}

/** `release` without trailing zeros, so that 1.0 and 1.0.0 are one. */
function trimmed(release: readonly number[]): readonly number[] {
  let length = release.length;
  while (length > 1 && release[length - 1] === 0) length--;
  return release.slice(0, length);
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const left = a[index] ?? -1;
    const right = b[index] ?? -1;
    if (left !== right) return left - right;
  }
  return 0;
}

/** Where a version stands among those of its release: dev alone first, then a, b, rc, then the final one. */
function preKey(version: Version): readonly [number, number] {
  if (version.pre !== undefined) return [["a", "b", "rc"].indexOf(version.pre[0]), version.pre[1]];
  return version.post === undefined && version.dev !== undefined ? [-1, 0] : [3, 0];
}

function compareLocal(a: Version["local"], b: Version["local"]): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const left = a[index];
    const right = b[index];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    if (left === right) continue;
    // Numbers come after words.
    if (typeof left !== typeof right) return typeof left === "number" ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return 0;
}

/** The order of PEP 440: negative where `a` comes before `b`. */
export function compareVersions(a: Version, b: Version): number {
  return (
    a.epoch - b.epoch ||
    compareNumbers(trimmed(a.release), trimmed(b.release)) ||
    compareNumbers(preKey(a), preKey(b)) ||
    (a.post ?? -1) - (b.post ?? -1) ||
    (a.dev ?? Number.MAX_SAFE_INTEGER) - (b.dev ?? Number.MAX_SAFE_INTEGER) ||
    compareLocal(a.local, b.local)
  );
}
