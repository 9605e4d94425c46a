import { posix } from "node:path";
import { archNames } from "./arch-names.ts";
import { baseName, type Download, downloadsOf } from "./downloads.ts";
import type { DockerfileModel, ScenarioView } from "./model.ts";
import { option, type Use, usesOf } from "./uses.ts";
import { extraction, isArchive, isUnpacker } from "./unpacking.ts";
import { workdirOf } from "./workdir.ts";

/** A file, or a directory with all below it, that comes from somewhere. */
interface Tracked<Origin> {
  readonly path: string;
  /** True for a directory of which not every file is known. */
  readonly tree: boolean;
  readonly origin: Origin;
}

/** Files held at once; scripts of more are cut. */
const mostFiles = 200;

/**
 * Where files of one kind lie while a stage's commands are followed: unpacking, copying, moving and linking are,
 * within and across RUNs. Origins are the caller's.
 */
export class FileTracker<Origin> {
  #files: Tracked<Origin>[] = [];
  readonly #places = new Map<Origin, Set<string>>();
  #cwd = "/";
  #instruction: unknown;
  /** What the command before wrote to its standard output. */
  #piped: { readonly origin: Origin; readonly name: string } | undefined;

  add(origin: Origin, path: string, tree = false): void {
    if (this.#files.length >= mostFiles) return;
    const absolute = posix.resolve(this.#cwd, path);
    if (this.#files.some((file) => file.path === absolute && file.origin === origin)) return;
    this.#files.push({ path: absolute, tree, origin });
    this.#places.set(origin, (this.#places.get(origin) ?? new Set()).add(absolute));
  }

  pipe(origin: Origin, name: string): void {
    this.#piped = { origin, name };
  }

  /** Every path that a file has had, its archive's included. */
  placesOf(origin: Origin): ReadonlySet<string> {
    return this.#places.get(origin) ?? new Set();
  }

  /** What a path is or lies in. */
  at(path: string): Origin | undefined {
    const absolute = posix.resolve(this.#cwd, path);
    return this.#files.find((file) => covers(file, absolute))?.origin;
  }

  /** A program called by its name alone: a file of that name in a directory that PATH usually has. */
  program(name: string): Origin | undefined {
    return this.#files.find(
      ({ tree, path }) =>
        !tree &&
        posix.basename(path) === name &&
        /^\/(?:usr\/(?:local\/)?|go\/|root\/\S+\/)?s?bin\/[^/]+$/.test(path),
    )?.origin;
  }

  /** Each RUN begins in the stage's directory. */
  enter(use: Use): void {
    if (use.instruction === this.#instruction) return;
    this.#instruction = use.instruction;
    this.#cwd = posix.resolve("/", workdirOf(use));
  }

  /** Follows a command: what it reads of the files that are known lies at its output afterwards. */
  follow(use: Use): void {
    this.enter(use);
    const piped = this.#piped;
    this.#piped = undefined;
    if (use.program === "cd" || use.program === "pushd") {
      this.#cwd = posix.resolve(this.#cwd, use.args.find((word) => !word.startsWith("-")) ?? "/");
    } else if (isUnpacker(use.program)) this.#unpack(use, piped);
    else if (/^(?:cp|mv|install|ln|rsync)$/.test(use.program)) this.#copy(use);
    else if ((use.program === "tee" || use.program === "dd") && piped !== undefined) {
      const path = option(use.args, "of") ?? use.args.find((word) => !word.startsWith("-"));
      if (path !== undefined) this.add(piped.origin, path);
    }
  }

  #unpack(use: Use, piped: { readonly origin: Origin; readonly name: string } | undefined): void {
    if (this.#files.length === 0 && piped === undefined) return;
    const { archive, directory, members, output } = extraction(use);
    const found = archive === undefined ? undefined : this.#readable(archive);
    const origin = found ?? piped?.origin;
    if (origin === undefined) return;
    if (output !== undefined) {
      this.add(origin, output);
      return;
    }
    const into = directory ?? ".";
    if (members.length === 0) {
      this.add(origin, into, true);
      // A program has its project's name, which its archive's name begins with.
      const name = programName(archive === undefined ? (piped?.name ?? "") : baseName(archive));
      if (name !== undefined) this.add(origin, posix.join(into, name), !/bin\/?$/.test(into));
    }
    for (const member of members) this.add(origin, posix.join(into, member));
  }

  #copy({ program, args }: Use): void {
    if (this.#files.length === 0) return;
    const words = args.filter(
      (word, index) => !word.startsWith("-") && !takesValue(program, args[index - 1] ?? ""),
    );
    const named = option(args, "-t", "--target-directory");
    const destination = named ?? words.at(-1) ?? "";
    const sources = named === undefined ? words.slice(0, -1) : words;
    const directory =
      named !== undefined || destination.endsWith("/") || destination === "." || sources.length > 1;
    for (const source of sources.slice(0, 20)) {
      const origin = this.#readable(source);
      if (origin === undefined) continue;
      const name = posix.basename(source);
      if (directory || usualDirectory.test(posix.resolve(this.#cwd, destination)))
        this.add(origin, posix.join(destination, name));
      else this.add(origin, destination);
    }
  }

  /** A path, a glob or a name without its directory. */
  #readable(path: string): Origin | undefined {
    const plain = path.replace(/[*?[{\ufffc].*$/, "");
    const absolute = posix.resolve(this.#cwd, path);
    const exact =
      this.at(path) ??
      this.#files.find((file) => file.tree && scratch.test(file.path) && absolute.startsWith(`${file.path}/`))
        ?.origin;
    if (exact !== undefined) return exact;
    const start = posix.resolve(this.#cwd, plain === "" ? "." : plain);
    if (plain === path) return undefined;
    return this.#files.find(
      (file) => file.path.startsWith(start) || (file.tree && start.startsWith(`${file.path}/`)),
    )?.origin;
  }
}

const usualDirectory = /^(?:\/|\/tmp|\/opt|(?:\/usr(?:\/local)?)?\/s?bin)$/;

/** Where archives are unpacked for a moment: what is taken from there was in one of them. */
const scratch = /^\/(?:tmp|opt|root|src|work)$/;

function covers({ path, tree }: Tracked<unknown>, wanted: string): boolean {
  if (path === wanted) return true;
  // Whatever lies in a system directory isn't all from one archive.
  return tree && !/^\/(?:$|usr$|usr\/local$|(?:usr\/(?:local\/)?)?s?bin$|etc$|opt$|tmp$|root$)/.test(path)
    ? wanted.startsWith(`${path}/`)
    : false;
}

function takesValue(program: string, option_: string): boolean {
  return program === "install" && /^-(?:m|o|g|\w*m)$|^--(?:mode|owner|group)$/.test(option_);
}

/** "helm" of "helm-v3.15.2-linux-arm64.tar.gz". */
function programName(archive: string): string | undefined {
  if (!isArchive(archive)) return undefined;
  const name = /^([a-z][a-z0-9+]*(?:-[a-z]+){0,2}?)(?=[-_.]v?\d|[-_.](?:linux|x86|amd64|arm|aarch))/i.exec(
    archive,
  )?.[1];
  return name === undefined || archNames(name).length > 0 ? undefined : name.toLowerCase();
}

/** Where what a stage fetches ends up, and what its commands start. */
const known = new WeakMap<DockerfileModel, Map<string, FileTracker<Download>>>();

/** The downloads of a stage in one scenario, followed to its end. */
export function downloadFlow(
  model: DockerfileModel,
  view: ScenarioView,
  index: number,
): FileTracker<Download> {
  const flows = known.get(model) ?? new Map<string, FileTracker<Download>>();
  known.set(model, flows);
  const key = `${model.views.indexOf(view)}/${index}`;
  const found = flows.get(key);
  if (found !== undefined) return found;
  const tracker = new FileTracker<Download>();
  const byUse = downloadsByCommand(model);
  for (const use of usesOf(model)) {
    if (use.view !== view || use.facts.index !== index) continue;
    tracker.follow(use);
    for (const download of byUse.get(use.executed) ?? []) track(tracker, download);
  }
  flows.set(key, tracker);
  return tracker;
}

const commands = new WeakMap<DockerfileModel, ReadonlyMap<unknown, readonly Download[]>>();

/** Downloads by the command that fetches them. */
export function downloadsByCommand(model: DockerfileModel): ReadonlyMap<unknown, readonly Download[]> {
  const found = commands.get(model);
  if (found !== undefined) return found;
  const grouped = new Map<unknown, Download[]>();
  for (const download of downloadsOf(model)) {
    if (download.use === undefined) continue;
    const group = grouped.get(download.use.executed) ?? [];
    group.push(download);
    grouped.set(download.use.executed, group);
  }
  commands.set(model, grouped);
  return grouped;
}

/** A download's own outputs: files, or what is piped on. */
function track(tracker: FileTracker<Download>, download: Download): void {
  if (download.piped) tracker.pipe(download, baseName(download.url));
  else for (const path of download.outputs) tracker.add(download, path);
}
