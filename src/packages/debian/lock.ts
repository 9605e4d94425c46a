import * as v from "valibot";
import { AnyarchError } from "../../errors/error.ts";

/** One package, pinned: where it lies below any mirror, and what its bytes must be. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** A Debian architecture, or "all". */
  readonly architecture: string;
  /** Hexadecimal, of the .deb. */
  readonly sha256: string;
  /** Bytes of the .deb. */
  readonly size: number;
  /** Path below the mirror: "pool/main/p/…". */
  readonly filename: string;
  readonly suite: string;
  readonly component: string;
  readonly essential?: boolean;
}

/** The outcome of resolving, without any mirror's address: it holds for whoever has the same archive. */
export interface DebianLock {
  readonly schema: "anyarch.debian-lock/v1";
  readonly suite: string;
  readonly requested: readonly string[];
  /** By Debian architecture; packages sorted by name. */
  readonly architectures: Readonly<Record<string, readonly LockedPackage[]>>;
}

const name = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9+.-]*$/, "not a package name"));
const path = v.pipe(
  v.string(),
  v.regex(/^[^/:\\]+(?:\/[^/\\]+)*$/, "not a relative path"),
  v.check((text) => !text.split("/").includes(".."), "a path out of the mirror"),
);
const lockedPackage = v.strictObject({
  name,
  version: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.+:~-]+$/, "not a version")),
  architecture: name,
  sha256: v.pipe(v.string(), v.regex(/^[a-f0-9]{64}$/, "not a sha256")),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  filename: path,
  suite: path,
  component: path,
  essential: v.exactOptional(v.boolean()),
});
const schema = v.strictObject({
  schema: v.literal("anyarch.debian-lock/v1"),
  suite: path,
  requested: v.array(name),
  architectures: v.record(name, v.array(lockedPackage)),
});

/** Reads a lock; throws LOCK_INVALID that names the place. */
export function parseDebianLock(text: string): DebianLock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AnyarchError("LOCK_INVALID", "The Debian lock isn't JSON.", { cause: error });
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = v.getDotPath(issue) ?? "the top level";
  throw new AnyarchError("LOCK_INVALID", `The Debian lock is malformed at ${place}: ${issue.message}.`, {
    hint: "Delete the lock file; the next build writes a new one.",
  });
}

/** JSON of two spaces, everything in a fixed order: equal locks have equal bytes. */
export function serializeDebianLock(lock: DebianLock): string {
  const names = Object.keys(lock.architectures).sort();
  const ordered: DebianLock = {
    schema: lock.schema,
    suite: lock.suite,
    requested: lock.requested,
    architectures: Object.fromEntries(
      names.map((architecture) => [
        architecture,
        (lock.architectures[architecture] ?? [])
          .map(orderedPackage)
          .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
      ]),
    ),
  };
  return `${JSON.stringify(ordered, undefined, 2)}\n`;
}

function orderedPackage(one: LockedPackage): LockedPackage {
  return {
    name: one.name,
    version: one.version,
    architecture: one.architecture,
    sha256: one.sha256,
    size: one.size,
    filename: one.filename,
    suite: one.suite,
    component: one.component,
    ...(one.essential === true && { essential: true }),
  };
}
