import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AptStates } from "./apt.ts";
import { run } from "./process.ts";
import type { Source } from "./recipe.ts";

export interface Fetching {
  readonly apt: AptStates;
  /** Program and environment of the engine "python". */
  python(): Promise<string>;
}

type Debs = Extract<Source, { debs: unknown }>;

async function debianArchitecture(): Promise<string> {
  return (await run("dpkg", ["--print-architecture"])).stdout.trim();
}

async function fetchDebs(source: Debs, root: string, fetching: Fetching): Promise<void> {
  const architecture = source.architecture ?? (await debianArchitecture());
  const apt = await fetching.apt.open(source.suite, architecture);
  const staging = `${root}.debs-${source.suite}-${architecture}`;
  const into = join(root, source.into ?? "");
  await mkdir(staging, { recursive: true });
  await mkdir(into, { recursive: true });
  for (const deb of await apt.download(source.debs, staging)) {
    if (source.only === undefined) await run("dpkg-deb", ["-x", deb, into]);
    else {
      const script = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" "${@:3}"';
      await run("bash", ["-o", "pipefail", "-c", script, "bash", deb, into, ...source.only]);
    }
  }
  await rm(staging, { recursive: true });
}

/** Where Go keeps what it downloads and compiles for one engine; {@link fetchSource}'s caller removes it. */
export const goWorkspace = (root: string): string => `${root}.go`;

/**
 * Builds in a module of its own and not by `go install PACKAGE@VERSION`, which refuses modules whose go.mod holds
 * `exclude` or `replace`, as BuildKit's and buildx's do.
 */
async function fetchGo(source: Extract<Source, { go: unknown }>, root: string): Promise<void> {
  const { go, goarch, define } = source;
  const targets = typeof go === "string" ? [go] : go;
  const work = goWorkspace(root);
  await mkdir(work, { recursive: true });
  const module = await mkdtemp(join(work, "module-"));
  const output = join(root, "bin", goarch ?? "");
  await mkdir(output, { recursive: true });
  const env = {
    CGO_ENABLED: "0",
    GOCACHE: join(work, "cache"),
    GOPATH: join(work, "path"),
    GOFLAGS: "-modcacherw -trimpath -buildvcs=false",
    GOTOOLCHAIN: "local",
    ...(goarch === undefined ? {} : { GOARCH: goarch }),
  };
  // Minutes where two architectures of BuildKit are compiled from nothing on a busy machine.
  const options = { cwd: module, env, timeoutMs: 20 * 60_000 };
  await writeFile(join(module, "go.mod"), "module engine\n");
  await run("go", ["get", ...targets], options);
  const packages = targets.map((target) => target.split("@")[0] ?? target);
  const linker = `-ldflags=-s -w${define === undefined ? "" : ` -X ${define}`}`;
  await run("go", ["build", linker, "-o", `${output}/`, ...packages], options);
}

async function fetchNpm(spec: string, root: string): Promise<void> {
  const npm = ["pack", "--silent", "--ignore-scripts", "--pack-destination", root, spec];
  await run("npm", npm, { cwd: root });
  for (const name of await readdir(root)) {
    if (!name.endsWith(".tgz")) continue;
    await run("tar", ["-xzf", name, "--no-same-owner"], { cwd: root });
    await rm(join(root, name));
  }
}

async function fetchWheel(spec: string, root: string, python: string): Promise<void> {
  const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"];
  await run(python, [...download, "--dest", root, spec]);
  const wheel = (await readdir(root)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error(`pip downloaded no wheel for ${spec}`);
  await run(python, ["-m", "zipfile", "-e", wheel, "unpacked"], { cwd: root });
  const data = (await readdir(join(root, "unpacked"))).find((name) => name.endsWith(".data"));
  if (data === undefined) throw new Error(`${wheel} holds no programs`);
  await rename(join(root, "unpacked", data, "scripts"), join(root, "bin"));
  await run("chmod", ["-R", "a+x", join(root, "bin")]);
  await rm(join(root, "unpacked"), { recursive: true });
  await rm(join(root, wheel));
}

/** Fetches one source into the engine's root folder, which exists. Throws with what the tool said. */
export async function fetchSource(source: Source, root: string, fetching: Fetching): Promise<void> {
  if ("debs" in source) await fetchDebs(source, root, fetching);
  else if ("go" in source) await fetchGo(source, root);
  else if ("npm" in source) await fetchNpm(source.npm, root);
  else await fetchWheel(source.wheel, root, await fetching.python());
}
