import type { LockedPackage } from "./lock.ts";
import { upstreamVersion } from "./version.ts";

/** What the application may rely on in a base made of Debian packages. */
export interface DebianFacts {
  /** Absent where no C library is among the packages. */
  readonly libc?: { readonly family: "glibc"; readonly version: string };
  readonly python?: { readonly version: string; readonly executable: string };
  readonly node?: { readonly version: string; readonly executable: string };
}

/** Reads versions off the packages: libc6 2.36-9 → 2.36, python3.11-minimal 3.11.2-6 → 3.11.2. */
export function debianFacts(packages: readonly LockedPackage[]): DebianFacts {
  const find = (pattern: RegExp): LockedPackage | undefined => packages.find((one) => pattern.test(one.name));
  const libc = find(/^libc6(?:\.1)?$/);
  const python = find(/^python3\.\d+-minimal$/);
  const node = find(/^nodejs$/);
  return {
    ...(libc && { libc: { family: "glibc", version: leadingNumbers(libc.version) } }),
    ...(python && {
      python: {
        version: leadingNumbers(python.version),
        executable: `/usr/bin/${find(/^python3-minimal$/) ? "python3" : python.name.replace("-minimal", "")}`,
      },
    }),
    ...(node && { node: { version: leadingNumbers(node.version), executable: "/usr/bin/node" } }),
  };
}

function leadingNumbers(version: string): string {
  const upstream = upstreamVersion(version);
  return /^\d+(?:\.\d+)*/.exec(upstream)?.[0] ?? upstream;
}
