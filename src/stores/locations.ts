import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { isDigest } from "../oci/digest.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import type { RegistryClient, RegistryClientOptions } from "../registry/client.ts";
import type { WritableStore } from "./store.ts";

/** How registries are reached. Give `client` where several locations belong to one command: it keeps tokens. */
export interface StoreOptions extends RegistryClientOptions {
  readonly client?: RegistryClient;
}

/** Where an image is, or shall be: one of the transports that the field knows. */
export type Location =
  | { readonly transport: "docker"; readonly reference: Reference }
  | {
      readonly transport: "oci" | "oci-archive" | "docker-archive";
      /** Absolute. */
      readonly path: string;
      /** A tag or digest, for docker-archive a full name; "" for the only or newest image. */
      readonly reference: string;
    };

export interface OpenedStore extends AsyncDisposable {
  readonly store: WritableStore;
  /** For the store's `resolve` and `tag`. */
  readonly reference: string;
}

const transports = [
  "docker://NAME[:TAG] or NAME[:TAG] (a registry)",
  "oci:DIRECTORY[:TAG]",
  "oci-archive:FILE[:TAG]",
  "docker-archive:FILE[:NAME:TAG]",
  "DIRECTORY (an OCI layout that exists)",
].join(", ");

/** What Docker and podman need in place of a transport to their own storage. */
const load: Readonly<Record<string, string>> = {
  "docker-daemon": "docker load -i image.tar",
  "containers-storage": "podman load -i image.tar",
};

function invalid(text: string, why: string): AnyarchError {
  const command = load[text.trim().split(":")[0] ?? ""];
  const instead = command === undefined ? "" : `\nOr write docker-archive:image.tar, then ${command}.`;
  return new AnyarchError("LOCATION_INVALID", `"${text}" is no place for an image: ${why}.`, {
    hint: `Write one of ${transports}.${instead}`,
    details: { location: text },
  });
}

const transportPrefix = /^(docker:\/\/|(?:oci|oci-archive|docker-archive):)(.*)$/s;

/** True where a text names its transport, so that it can't be taken for anything else. */
function isLocation(text: string): boolean {
  return transportPrefix.test(text.trim());
}

/** Where the result goes is looked at before anything is done for it. Throws LOCATION_INVALID, REFERENCE_INVALID. */
export function checkOutputs(outputs: readonly string[], cwd: string): void {
  for (const output of outputs) {
    if (isLocation(output)) parseLocation(output, cwd);
    else {
      // A name alone is a registry's elsewhere; who writes `--output image` means a file or directory.
      const path = /\bdest=([^,]+)/.exec(output)?.[1] ?? output;
      throw new AnyarchError("LOCATION_INVALID", `--output ${output} doesn't say what is to be written.`, {
        hint: `Write oci:${path} (a directory), oci-archive:${path}, docker-archive:${path} (files) or docker://NAME:TAG (a registry).`,
        details: { location: output },
      });
    }
  }
}

/** Reads a location; relative paths are of `cwd`. Throws LOCATION_INVALID with the transports, REFERENCE_INVALID. */
export function parseLocation(text: string, cwd: string): Location {
  const trimmed = text.trim();
  if (trimmed === "") throw invalid(text, "it is empty");
  const match = transportPrefix.exec(trimmed);
  if (match !== null) {
    const [, prefix = "", rest = ""] = match;
    if (prefix === "docker://") return { transport: "docker", reference: parseReference(rest) };
    const kind = prefix.slice(0, -1) as "oci" | "oci-archive" | "docker-archive";
    return { transport: kind, ...splitPath(text, rest, cwd) };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):(?:\/\/|\/|\.|~)/i.exec(trimmed)?.[1];
  if (scheme !== undefined) throw invalid(text, `"${scheme}:" is no transport that anyarch has`);
  if (/^(?:docker-daemon|containers-storage|dir|ostree|tarball|sif):/.test(trimmed)) {
    throw invalid(
      text,
      `"${trimmed.slice(0, trimmed.indexOf(":") + 1)}" is no transport that can be used here`,
    );
  }
  const layout = layoutPath(trimmed, cwd);
  if (layout !== undefined) return { transport: "oci", ...layout };
  // "dist/image" is where builds are written: nobody means the image of a user "dist" at Docker Hub.
  if (/^(?:\/|\.\.?(?:\/|$)|~|dist\/image(?:$|[/:@]))/.test(trimmed))
    throw invalid(text, "there is no OCI layout at this path");
  return { transport: "docker", reference: parseReference(trimmed) };
}

/** PATH, PATH:TAG or PATH@DIGEST. A path that exists as it stands may hold colons itself. */
function splitPath(text: string, rest: string, cwd: string): { path: string; reference: string } {
  if (rest === "") throw invalid(text, "it names no path");
  if (existsSync(resolve(cwd, rest))) return { path: resolve(cwd, rest), reference: "" };
  const at = rest.lastIndexOf("@");
  if (at > 0 && isDigest(rest.slice(at + 1))) {
    return { path: resolve(cwd, rest.slice(0, at).replace(/:$/, "")), reference: rest.slice(at + 1) };
  }
  // As skopeo has it, the path ends at its first colon; that of a Windows drive doesn't count.
  const colon = rest.indexOf(":", /^[a-zA-Z]:[\\/]/.test(rest) ? 2 : 0);
  if (colon < 0) return { path: resolve(cwd, rest), reference: "" };
  if (colon === 0) throw invalid(text, "it names no path");
  return { path: resolve(cwd, rest.slice(0, colon)), reference: rest.slice(colon + 1) };
}

/** A bare path, with a tag or digest or without, of a layout that is there. */
function layoutPath(text: string, cwd: string): { path: string; reference: string } | undefined {
  const candidates: [string, string][] = [[text, ""]];
  const digest = text.lastIndexOf("@sha");
  if (digest > 0) candidates.push([text.slice(0, digest), text.slice(digest + 1)]);
  // A tag may be a full name, which has colons of its own.
  for (let colon = text.indexOf(":", 1); colon > 0; colon = text.indexOf(":", colon + 1)) {
    candidates.push([text.slice(0, colon), text.slice(colon + 1)]);
  }
  for (const [path, reference] of candidates) {
    const absolute = resolve(cwd, path);
    if (existsSync(join(absolute, "index.json")) && statSync(absolute).isDirectory())
      return { path: absolute, reference };
  }
  return undefined;
}

/** Opens a location for reading and writing; nothing is read, sent or made yet. Dispose of it when done. */
export async function openStore(text: string, options: StoreOptions, ctx: Context): Promise<OpenedStore> {
  const location = parseLocation(text, ctx.host.cwd);
  if (location.transport === "docker") {
    const [{ RegistryClient: Client }, { RegistryStore }] = await Promise.all([
      import("../registry/client.ts"),
      import("./registry-store.ts"),
    ]);
    const client = options.client ?? new Client(options);
    const { registry, repository, digest, tag } = location.reference;
    const store = new RegistryStore(client.repository(registry, repository));
    return { store, reference: digest ?? tag ?? "latest", [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const { path, reference } = location;
  const name = `${location.transport}:${text.replace(/^[a-z-]+:/, "").slice(0, 200)}`;
  const store = await openLocal(
    location.transport,
    path,
    reference === "" ? name : nameWithout(name, reference),
  );
  return { store, reference, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

function nameWithout(name: string, reference: string): string {
  return name.endsWith(reference) ? name.slice(0, -reference.length - 1) : name;
}

async function openLocal(
  transport: "oci" | "oci-archive" | "docker-archive",
  path: string,
  name: string,
): Promise<WritableStore & AsyncDisposable> {
  if (transport === "oci") return new (await import("./layout-store.ts")).LayoutStore(path, name);
  if (transport === "oci-archive")
    return new (await import("./archive-store.ts")).OciArchiveStore(path, name);
  return new (await import("./docker-archive-store.ts")).DockerArchiveStore(path, name);
}
