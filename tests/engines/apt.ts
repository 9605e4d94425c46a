import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { debianMirror, type Mirror } from "./apt-sources.ts";
import { run } from "./process.ts";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

function readSources(): { name: string; text: string }[] {
  const parts = "/etc/apt/sources.list.d";
  const names = existsSync(parts)
    ? readdirSync(parts)
        .sort()
        .map((name) => join(parts, name))
    : [];
  return ["/etc/apt/sources.list", ...names]
    .filter((name) => /\.(?:list|sources)$/.test(name) && existsSync(name))
    .map((name) => ({ name, text: readFileSync(name, "utf8") }));
}

/** The mirror that this machine's apt sources name; throws where there is none. */
export function machineMirror(): Mirror {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)`, "m").exec(release)?.[1] ?? "";
  if (field("ID") !== "debian") throw new Error("this machine isn't Debian");
  const mirror = debianMirror(readSources(), field("VERSION_CODENAME"));
  if (mirror === undefined) throw new Error("apt's sources name no Debian mirror");
  return mirror;
}

/**
 * apt with a private state for one suite and architecture: the machine's lists, caches and dpkg database are neither
 * read nor changed. The mirror is that of the machine's own sources; signatures and hashes are checked as always.
 */
export interface Apt {
  /** Downloads packages, without their dependencies, into an existing directory; paths of the .deb files. */
  download(packages: readonly string[], directory: string): Promise<string[]>;
}

async function openState(directory: string, suite: string, architecture: string): Promise<Apt> {
  const mirror = machineMirror();
  const state = await mkdtemp(join(directory, `apt-${suite}-`));
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await mkdir(join(state, "cache/archives/partial"), { recursive: true });
  await writeFile(join(state, "status"), "");
  await writeFile(
    join(state, "sources.list"),
    `deb [signed-by=${mirror.signedBy ?? keyring}] ${mirror.uri} ${suite} main\n`,
  );
  const settings = {
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
    "Dir::Cache": join(state, "cache"),
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::Etc::sourcelist": join(state, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "Dir::State::Lists": join(state, "lists"),
    "Dir::State::status": join(state, "status"),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  // Translations, DEP-11 and the like are configured by other packages' snippets: only the index is wanted.
  await run("apt-get", [...options, "-qq", "update"], { env: { LC_ALL: "C" } });
  // One after the other: apt builds its cache anew each time and takes a lock for it.
  let queue: Promise<unknown> = Promise.resolve();
  return {
    download: (packages, into) => {
      const result = queue.then(async () => {
        await run("apt-get", [...options, "-qq", "download", ...packages], { cwd: into });
        return (await readdir(into)).filter((name) => name.endsWith(".deb")).map((name) => join(into, name));
      });
      queue = result.catch(() => undefined);
      return result;
    },
  };
}

/** apt states that live until {@link AptStates.close}; each is made when first asked for. */
export class AptStates {
  readonly #directory: string;
  readonly #states = new Map<string, Promise<Apt>>();

  /** @param directory where the states are kept; it must exist. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  open(suite: string, architecture: string): Promise<Apt> {
    const key = `${suite} ${architecture}`;
    const state = this.#states.get(key) ?? openState(this.#directory, suite, architecture);
    this.#states.set(key, state);
    return state;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#states.values());
    await rm(this.#directory, { recursive: true, force: true });
  }
}
