import { AnyarchError, isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type HttpResponse, readBody } from "../host/http.ts";
import type { Descriptor } from "../oci/content.ts";
import { digestOf, isDigest } from "../oci/digest.ts";
import { mediaTypes } from "../oci/media-type.ts";
import { verifyBytes } from "../oci/verified-stream.ts";
import { scopesFor } from "./auth.ts";
import type { Connection } from "./connection.ts";
import { connectionError, discard, isTransient } from "./failure.ts";
import { type RetryPolicy, waitToRetry } from "./retry.ts";
import { statusError } from "./status-error.ts";
import { describeTags, listTags } from "./tags.ts";

/** A manifest or index as the registry holds it. */
export interface RawManifest {
  readonly descriptor: Descriptor;
  /** Exactly what the digest is of. */
  readonly bytes: Uint8Array;
}

/** All kinds of manifest that anyarch reads, for the Accept header. */
export const acceptManifests = [
  mediaTypes.index,
  mediaTypes.manifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
].join(", ");

/** Twice of what registries must accept (distribution-spec, "Pushing Manifests"). */
const manifestLimit = 8 << 20;
const schema1 = "application/vnd.docker.distribution.manifest.v1";

export function manifestUrl(connection: Connection, reference: string): string {
  return `/v2/${connection.endpoint.repository}/manifests/${reference}`;
}

/** "registry.example/team/app:1.0" or "…@sha256:…", as this endpoint was really asked. */
export function askedName(connection: Connection, reference: string): string {
  const { registry, repository } = connection.endpoint;
  return `${registry}/${repository}${isDigest(reference) ? "@" : ":"}${reference}`;
}

function manifestRequest(connection: Connection, method: string, reference: string) {
  return {
    method,
    url: manifestUrl(connection, reference),
    headers: { accept: acceptManifests },
    scopes: scopesFor(connection.endpoint.repository, "pull"),
  };
}

/** The descriptor by HEAD; undefined where the answer doesn't hold all of it, so that a GET must tell more. */
export async function headManifest(
  connection: Connection,
  reference: string,
  ctx: Context,
): Promise<Descriptor | undefined> {
  const response = await connection.send(manifestRequest(connection, "HEAD", reference), ctx);
  await discard(response);
  if (response.status !== 200) return undefined;
  const digest = response.headers["docker-content-digest"];
  const mediaType = mediaTypeOf(response);
  const size = Number(response.headers["content-length"] ?? "none");
  if (typeof digest !== "string" || !isDigest(digest) || mediaType === undefined) return undefined;
  if (isDigest(reference) && reference !== digest) return undefined;
  if (!Number.isSafeInteger(size) || size === 0 || mediaType.startsWith(schema1)) return undefined;
  return { mediaType, digest, size };
}

/** The manifest by GET, verified. Throws IMAGE_NOT_FOUND (with the tags that there are), DIGEST_MISMATCH. */
export async function getManifest(
  connection: Connection,
  reference: string,
  policy: RetryPolicy,
  ctx: Context,
): Promise<RawManifest> {
  for (let attempt = 0; ; attempt++) {
    const response = await connection.send(manifestRequest(connection, "GET", reference), ctx);
    if (response.status === 404) throw await notFound(connection, response, reference, ctx);
    if (response.status !== 200) {
      throw await statusError(connection, response, `pull ${askedName(connection, reference)}`, ctx);
    }
    let bytes: Buffer;
    try {
      bytes = await readBody(response, manifestLimit);
    } catch (error) {
      ctx.signal.throwIfAborted();
      const final = connectionError(connection.endpoint.host, error);
      const again = isTransient(error) && !(error instanceof AnyarchError);
      if (again && (await waitToRetry(policy, attempt, final.message.replace(/\.$/, ""), ctx))) continue;
      throw final;
    }
    return checked(connection, reference, response, bytes);
  }
}

function checked(
  connection: Connection,
  reference: string,
  response: HttpResponse,
  bytes: Buffer,
): RawManifest {
  const asked = askedName(connection, reference);
  const stated = response.headers["docker-content-digest"];
  const known = isDigest(reference)
    ? reference
    : typeof stated === "string" && isDigest(stated)
      ? stated
      : undefined;
  const digest = known ?? digestOf(bytes);
  if (known !== undefined) verifyBytes(bytes, { digest: known }, asked);
  const mediaType = mediaTypeOf(response) ?? ownMediaType(bytes);
  if (mediaType === undefined || mediaType.startsWith(schema1)) {
    const what = mediaType === undefined ? "something that is no manifest" : "Docker's schema 1 of 2014";
    throw new AnyarchError("CONTENT_INVALID", `${asked} is ${what}.`, {
      hint: "Push the image again with a current tool.",
    });
  }
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** The Content-Type without parameters; undefined for what only says "some JSON" or nothing. */
function mediaTypeOf(response: HttpResponse): string | undefined {
  const type = response.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  return type === undefined || !type.startsWith("application/vnd.") ? undefined : type;
}

/** The type that a manifest gives itself, or that its fields tell (image-spec manifest.md, "mediaType"). */
function ownMediaType(bytes: Buffer): string | undefined {
  try {
    const value = JSON.parse(bytes.toString("utf8")) as Record<string, unknown> | null;
    if (typeof value?.["mediaType"] === "string") return value["mediaType"];
    if (value?.["schemaVersion"] === 1) return schema1;
    if (Array.isArray(value?.["manifests"])) return mediaTypes.index;
    return typeof value?.["config"] === "object" ? mediaTypes.manifest : undefined;
  } catch {
    return undefined;
  }
}

async function notFound(
  connection: Connection,
  response: HttpResponse,
  reference: string,
  ctx: Context,
): Promise<AnyarchError> {
  await discard(response);
  const { registry, repository, mirror } = connection.endpoint;
  return new AnyarchError("IMAGE_NOT_FOUND", `${askedName(connection, reference)} doesn't exist.`, {
    details: { registry, repository, reference },
    hint: mirror || isDigest(reference) ? undefined : await tagHint(connection, reference, ctx),
  });
}

/** Only for the error's sake: that it fails doesn't matter. */
async function tagHint(connection: Connection, reference: string, ctx: Context): Promise<string | undefined> {
  try {
    return describeTags(await listTags(connection, ctx), reference);
  } catch (error) {
    if (isAbort(error)) throw error;
    const known = error instanceof AnyarchError && error.code === "IMAGE_NOT_FOUND";
    return known ? error.message : "Check the name and the tag.";
  }
}
