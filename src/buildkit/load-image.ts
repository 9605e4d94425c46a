import { join } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { isIndexType } from "../oci/media-type.ts";
import { formatPlatform, matchPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { familiarReference, formatReference, type Reference } from "../oci/reference.ts";
import type { WrittenTo } from "../stores/publish.ts";
import { copy } from "../stores/copy.ts";
import { DockerArchiveStore } from "../stores/docker-archive-store.ts";
import { OciArchiveStore } from "../stores/archive-store.ts";
import type { ReadableStore } from "../stores/store.ts";
import { makeOwnedTempDir } from "./owned-temp-dir.ts";

/** What there is to load. */
export interface Loadable {
  readonly source: ReadableStore;
  readonly descriptor: Descriptor;
  readonly images: readonly { readonly platform: Platform; readonly descriptor: Descriptor }[];
  readonly tags: readonly Reference[];
  readonly jobs: number;
}

/** The docker or podman that is here, as it says of itself. */
export interface ContainerEngine {
  readonly program: "docker" | "podman";
  readonly platform: Platform;
  /** Whether it keeps indexes: Docker with containerd's image store. */
  readonly keepsIndexes: boolean;
}

/** Milliseconds for an engine to say what it is. */
const patience = 20_000;

/** Docker, else podman. Throws COMMAND_MISSING with what each of them says. */
export async function findContainerEngine(ctx: Context): Promise<ContainerEngine> {
  const failures: string[] = [];
  for (const find of [findDocker, findPodman]) {
    const found = await find(ctx);
    if (typeof found !== "string") return found;
    failures.push(found);
  }
  throw new AnyarchError(
    "COMMAND_MISSING",
    `There is nothing to load the image into: ${failures.join("; ")}.`,
    {
      hint: "Start Docker or podman, or write an archive instead: --output docker-archive:image.tar",
    },
  );
}

async function findDocker(ctx: Context): Promise<ContainerEngine | string> {
  const said = await ask(ctx, "docker", ["info", "--format", "{{json .}}"]);
  if (typeof said === "string") return said;
  const { OSType, Architecture, DriverStatus } = said as {
    OSType?: string;
    Architecture?: string;
    DriverStatus?: [string, string][] | null;
  };
  if (!OSType || !Architecture) return "docker doesn't reach its daemon";
  const keepsIndexes = (DriverStatus ?? []).some(
    ([key, value]) => key === "driver-type" && value.startsWith("io.containerd.snapshotter"),
  );
  return { program: "docker", platform: parsePlatform(`${OSType}/${Architecture}`), keepsIndexes };
}

async function findPodman(ctx: Context): Promise<ContainerEngine | string> {
  const said = await ask(ctx, "podman", ["info", "--format", "json"]);
  if (typeof said === "string") return said;
  const { host } = said as { host?: { os?: string; arch?: string } };
  if (!host?.os || !host.arch) return "podman doesn't say what it runs on";
  return { program: "podman", platform: parsePlatform(`${host.os}/${host.arch}`), keepsIndexes: false };
}

/** JSON that a program prints, or why it doesn't. */
async function ask(ctx: Context, program: string, args: readonly string[]): Promise<object | string> {
  try {
    const { signal } = ctx;
    const { code, stdout, stderr } = await ctx.host.exec(program, args, { signal, timeoutMs: patience });
    if (code === 0) return JSON.parse(stdout) as object;
    return `${program} fails: ${stderr.trim().split("\n").at(-1) ?? `exit code ${code}`}`;
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (error instanceof SyntaxError) return `${program} doesn't answer in JSON`;
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING")
      return `${program} isn't installed`;
    throw error;
  }
}

/**
 * Loads the image under its tags: the whole index where the engine keeps such, else the platform of the engine, which
 * is said. Throws PLATFORM_MISSING where none of several platforms is the engine's, COMMAND_FAILED.
 */
export async function loadImage(
  { source, descriptor, images, tags, jobs }: Loadable,
  engine: ContainerEngine,
  ctx: Context,
): Promise<WrittenTo> {
  return runTask(ctx.emit, `load into ${engine.program}`, {}, async (task) => {
    await using temp = await makeOwnedTempDir();
    const file = join(temp.path, "image.tar");
    const whole = engine.keepsIndexes && isIndexType(descriptor.mediaType);
    const chosen = whole ? descriptor : chooseImage(images, engine, ctx);
    const bytes = await (whole ? writeIndex : writeImage)(file, chosen, { source, tags, jobs }, ctx);
    const { signal } = ctx;
    const { code, stdout, stderr } = await ctx.host.exec(engine.program, ["load", "--input", file], {
      signal,
    });
    if (code !== 0) {
      throw new AnyarchError(
        "COMMAND_FAILED",
        `${engine.program} load failed: ${stderr.trim() || stdout.trim()}`,
        {
          hint: "Write an archive instead to look at it: --output docker-archive:image.tar",
        },
      );
    }
    task.detail(stdout.trim().split("\n").at(-1) ?? "");
    const name = tags.map(familiarReference).join(", ");
    const location = `${engine.program}:${name === "" ? chosen.digest : name}`;
    return { location, pushed: 1, mounted: 0, existing: 0, bytes };
  });
}

type Named = Pick<Loadable, "source" | "tags" | "jobs">;

async function writeImage(
  file: string,
  descriptor: Descriptor,
  { source, tags, jobs }: Named,
  ctx: Context,
): Promise<number> {
  await using archive = new DockerArchiveStore(file);
  const references = tags.map(familiarReference);
  return (await copy({ from: source, to: archive, descriptor, references, concurrency: jobs }, ctx)).bytes;
}

async function writeIndex(
  file: string,
  descriptor: Descriptor,
  { source, tags, jobs }: Named,
  ctx: Context,
): Promise<number> {
  await using archive = new OciArchiveStore(file);
  const request = { from: source, to: archive, descriptor, references: [], concurrency: jobs, commit: false };
  const { bytes } = await copy(request, ctx);
  if (tags.length === 0) await archive.tag(descriptor, "", ctx);
  for (const tag of tags.toReversed())
    await archive.tagAs(descriptor, tag.tag ?? "latest", formatReference(tag), ctx);
  await archive.commit(ctx);
  return bytes;
}

function chooseImage(images: Loadable["images"], engine: ContainerEngine, ctx: Context): Descriptor {
  const [only, ...others] = images;
  if (only !== undefined && others.length === 0) return only.descriptor;
  const name = formatPlatform(engine.platform);
  const found = matchPlatform(engine.platform, images);
  const list = images.map(({ platform }) => formatPlatform(platform)).join(", ");
  if (found === undefined) {
    throw new AnyarchError(
      "PLATFORM_MISSING",
      `${engine.program} can hold one platform of an image only, and none of ${list} is its own, ${name}.`,
      { hint: `Build ${name} too, or one platform alone.` },
    );
  }
  const message = `${engine.program} can't hold an index: only ${formatPlatform(found.platform)} of ${list} is loaded.`;
  ctx.emit({ type: "log", level: "warning", message });
  return found.descriptor;
}
