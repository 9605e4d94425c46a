/**
 * Completes package-lock.json where the registry that made it lacks packages for other operating systems: npm then
 * leaves out optional platform packages, and `npm ci` refuses the lock. Run after each change of dependencies.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly engines?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };
const form =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ppc64|riscv64|s390x|ia32)(?:-\w*?(gnu|musl)\w*)?$/;

let added = 0;
for (const [parent, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const own = `node_modules/${name}`;
    if (lock.packages[own] !== undefined || lock.packages[`${parent}/${own}`] !== undefined) continue;
    const [, os, cpu, libc] = form.exec(name) ?? [];
    if (os === undefined || cpu === undefined) throw new Error(`${name} names no platform`);
    const family = os === "linux" && libc !== undefined ? { libc: [libc === "gnu" ? "glibc" : "musl"] } : {};
    const engines = entry.engines === undefined ? {} : { engines: entry.engines };
    const platform = { cpu: [cpu], ...family, optional: true, os: [os], ...engines };
    lock.packages[own] = { version, ...(entry.dev === true && { dev: true }), ...platform };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
if (added > 0) writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
process.stdout.write(`${added} platform packages added to package-lock.json\n`);
