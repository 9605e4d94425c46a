import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const cache = resolve(import.meta.dirname, "../../../.cache/verify-debian");

/** The main archive of the machine's own apt sources: a mirror and a suite; undefined where there is none. */
function debianSource(): { readonly uri: string; readonly suite: string } | undefined {
  try {
    const format = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)";
    const text = execFileSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
      encoding: "utf8",
    });
    const line = text.split("\n").find((one) => /^\S+ [a-z]+ main Debian$/.test(one));
    const [uri, suite] = line?.split(" ") ?? [];
    return uri === undefined || suite === undefined ? undefined : { uri, suite };
  } catch {
    return undefined;
  }
}

/**
 * A root file system with a few packages of another architecture, downloaded by apt with its own state and
 * unpacked, kept between runs. A string says why there is none.
 */
export function foreignRoot(architecture: string): { readonly root: string } | string {
  const root = join(cache, architecture);
  if (existsSync(join(root, ".complete"))) return { root };
  const source = debianSource();
  if (source === undefined) return "apt has no Debian sources on this machine";
  rmSync(root, { recursive: true, force: true });
  const state = join(cache, `${architecture}.apt`);
  for (const folder of ["lists/partial", "cache/archives/partial", "debs"]) {
    mkdirSync(join(state, folder), { recursive: true });
  }
  writeFileSync(join(state, "status"), "");
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(
    join(state, "list"),
    `deb [arch=${architecture} signed-by=${keyring}] ${source.uri} ${source.suite} main\n`,
  );
  const options = Object.entries({
    "Dir::State::Lists": join(state, "lists"),
    "Dir::Cache": join(state, "cache"),
    "Dir::Etc::sourcelist": join(state, "list"),
    "Dir::Etc::sourceparts": "-",
    "Dir::State::status": join(state, "status"),
    "APT::Sandbox::User": "root",
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const run = (command: string, ...args: string[]): unknown =>
    execFileSync(command, args, { cwd: join(state, "debs"), stdio: ["ignore", "ignore", "pipe"] });
  try {
    run("apt-get", ...options, "-qq", "update");
    run("apt-get", ...options, "-qq", "download", "hostname", "libc6", "libgcc-s1", "base-files");
    for (const name of readdirSync(join(state, "debs"))) run("dpkg", "-x", name, root);
    writeFileSync(join(root, ".complete"), "");
  } catch (error) {
    const lines = String((error as { stderr?: Buffer }).stderr ?? error)
      .trim()
      .split("\n");
    return `no ${architecture} packages in ${source.suite}: ${lines[0]}`;
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
  return { root };
}

/** The regular files below a directory. */
export function regularFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((name) => join(root, name))
    .filter((path) => lstatSync(path).isFile());
}
