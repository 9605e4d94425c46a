import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "../../../src/archive/entry.ts";
import { AptStates } from "../../engines/apt.ts";
import { enginesDirectory, needEngine } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";

const cache = join(enginesDirectory(), "verify-samples");

/** A folder that `make` fills once per machine; what it throws is thrown each time. */
async function kept(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const staging = `${folder}.new-${process.pid}`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  try {
    await make(staging);
    // Another process may have been faster.
    await rename(staging, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return folder;
}

const states = join(cache, `apt-${process.pid}`);
let apt: AptStates | undefined;

/** Removes what downloading needed; what was downloaded stays. */
export async function closeSamples(): Promise<void> {
  await apt?.close();
  apt = undefined;
}

/** Debian packages of an architecture, unpacked and not installed. */
export function debianFiles(
  architecture: string,
  names: readonly string[],
  suite = "bookworm",
): Promise<string> {
  const name = names.length > 5 ? `${names[0] ?? ""}+${names.length - 1}` : names.join("+");
  return kept(`deb-${suite}-${architecture}-${name}`, async (folder) => {
    await mkdir(states, { recursive: true });
    apt ??= new AptStates(states);
    const debs = `${folder}.debs`;
    await mkdir(debs);
    try {
      for (const deb of await (await apt.open(suite, architecture)).download(names, debs)) {
        await run("dpkg-deb", ["-x", deb, folder]);
      }
    } finally {
      await rm(debs, { recursive: true });
    }
  });
}

/** What pip would unpack into site-packages on another platform ("musllinux_1_1_x86_64"). */
export function wheelFiles(spec: string, platform: string): Promise<string> {
  return kept(`wheel-${spec}-${platform}`, async (folder) => {
    const python = (await needEngine("python")).program("python");
    const only = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--platform", platform];
    await run(python, ["-m", "pip", "download", "--quiet", ...only, "--dest", folder, spec]);
    const wheel = readdirSync(folder)[0] ?? "";
    await run(python, ["-m", "zipfile", "-e", wheel, "."], { cwd: folder });
    await rm(join(folder, wheel));
  });
}

/** An npm package as the registry has it, whatever platform it is for. */
export async function npmFiles(spec: string): Promise<string> {
  const folder = await kept(`npm-${spec.replaceAll("/", "+")}`, async (staging) => {
    await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", staging, spec], {
      cwd: staging,
    });
    await run("tar", ["-xzf", readdirSync(staging)[0] ?? "", "--no-same-owner"], { cwd: staging });
  });
  return join(folder, "package");
}

/** What a small C program becomes; the compiler's arguments may refer to other folders. */
export async function compiled(name: string, args: readonly string[]): Promise<string> {
  const folder = await kept(`c-${name}`, async (staging) => {
    await writeFile(join(staging, "main.c"), "int main(void) { return 0; }\n");
    await run("gcc", ["main.c", ...args, "-o", name], { cwd: staging });
  });
  return join(folder, name);
}

/** A zip file of files on disk, made by Python; name in the archive → file. */
export async function zipped(name: string, entries: Readonly<Record<string, string>>): Promise<string> {
  const python = (await needEngine("python")).program("python");
  await mkdir(cache, { recursive: true });
  const file = join(cache, `${process.pid}-${name}`);
  const script = `import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\\n")
    for name, path in json.loads(sys.argv[2]).items():
        archive.write(path, name, zipfile.ZIP_STORED if name.endswith(".jar") else None)
`;
  await run(python, ["-c", script, file, JSON.stringify(entries)]);
  return file;
}

/** Files, links and directories below a folder as entries below `at`. */
export function entriesBelow(folder: string, at = ""): Entry[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((item): Entry[] => {
    const source = join(folder, item.name);
    const path = at === "" ? item.name : `${at}/${item.name}`;
    if (item.isDirectory()) {
      return [{ type: "directory", path, mode: 0o755 }, ...entriesBelow(source, path)];
    }
    if (item.isSymbolicLink()) return [{ type: "symlink", path, target: readlinkSync(source), mode: 0o777 }];
    return item.isFile() ? [fileOnDisk(path, source)] : [];
  });
}

export function fileOnDisk(path: string, source: string): Entry {
  const { size, mode } = lstatSync(source);
  return { type: "file", path, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, size, content: { file: source } };
}

/** The one file below a folder whose path matches. */
export function pathBelow(folder: string, pattern: RegExp): string {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((name) => pattern.test(name));
  if (found === undefined) throw new Error(`nothing in ${folder} matches ${String(pattern)}`);
  return join(folder, found);
}
