import type { ElfFacts } from "./elf.ts";

/** The two C libraries that Linux images have; programs and libraries for one can't use the other. */
export type Libc = "glibc" | "musl";

/** The C library that a file is linked with; undefined where it doesn't say. */
export function libcOf({
  interpreter = "",
  needed,
}: Pick<ElfFacts, "interpreter" | "needed">): Libc | undefined {
  if (/\/ld-musl-[^/]*$/.test(interpreter)) return "musl";
  if (/\/(?:ld-linux|ld64?)[^/]*\.so\.[12]$|\/ld-linux\.so\.3$/.test(interpreter)) return "glibc";
  if (needed.some((name) => /^libc\.musl-|^ld-musl-/.test(name))) return "musl";
  if (needed.some((name) => /^libc\.so\.6(?:\.1)?$|^ld-linux[^/]*\.so\.\d$|^ld64\.so\.[12]$/.test(name))) {
    return "glibc";
  }
  // What musl's own linker leaves; glibc's libc.so is a linker script.
  return needed.includes("libc.so") ? "musl" : undefined;
}

/** The C libraries whose loaders or files are in an image, by the names of all of its files. */
export function libcsIn(names: ReadonlySet<string>): ReadonlySet<Libc> {
  const found = new Set<Libc>();
  for (const name of names) {
    if (/^ld-musl-[^/]*\.so\.1$/.test(name)) found.add("musl");
    else if (/^libc\.so\.6(?:\.1)?$/.test(name)) found.add("glibc");
  }
  return found;
}

/** The path under which a package that ships code for both C libraries has the other, if `has` knows it. */
export function otherLibcPath(path: string, libc: Libc, has: (path: string) => boolean): string | undefined {
  const changes: readonly (readonly [RegExp, string])[] =
    libc === "musl"
      ? [
          [/linuxmusl/g, "linux"],
          [/musl/g, "gnu"],
          [/musl/g, "glibc"],
          [/[-_.]musl/g, ""],
        ]
      : [
          [/linux(?!musl)/g, "linuxmusl"],
          [/gnu|glibc/g, "musl"],
          [/\.node$/g, ".musl.node"],
          [/(linux-[a-z0-9]+)/g, "$1-musl"],
        ];
  for (const [pattern, replacement] of changes) {
    const other = path.replaceAll(pattern, replacement);
    if (other === path) continue;
    if (has(other)) return other;
    const folder = other.slice(0, Math.max(0, other.lastIndexOf("/")));
    if (folder !== path.slice(0, Math.max(0, path.lastIndexOf("/"))) && has(folder)) return folder;
  }
  return undefined;
}
