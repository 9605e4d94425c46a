import * as v from "valibot";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type HttpResponse, readBody } from "../host/http.ts";
import { parseContent } from "../oci/content.ts";
import { scopesFor } from "./auth.ts";
import { type Connection, resolveUrl } from "./connection.ts";
import { discard } from "./failure.ts";
import { statusError } from "./status-error.ts";

const tagList = v.looseObject({ tags: v.exactOptional(v.nullable(v.array(v.string()))) });

/** All tags of a repository, in the registry's order (distribution-spec, "Listing Tags"). Throws IMAGE_NOT_FOUND. */
export async function listTags(connection: Connection, ctx: Context): Promise<readonly string[]> {
  const { registry, repository } = connection.endpoint;
  const tags: string[] = [];
  const seen = new Set<string>();
  let url: URL | string | undefined = `/v2/${repository}/tags/list?n=1000`;
  while (url !== undefined) {
    const response = await connection.send(
      { method: "GET", url, scopes: scopesFor(repository, "pull") },
      ctx,
    );
    if (response.status === 404) {
      await discard(response);
      throw new AnyarchError("IMAGE_NOT_FOUND", `The repository ${registry}/${repository} doesn't exist.`, {
        details: { registry, repository },
      });
    }
    if (response.status !== 200) {
      throw await statusError(connection, response, `list the tags of ${repository}`, ctx);
    }
    const page = await readBody(response);
    tags.push(...(parseContent(tagList, page, `tag list of ${registry}/${repository}`).tags ?? []));
    seen.add(response.url.href);
    const next = nextPage(response);
    url = next === undefined || seen.has(next.href) ? undefined : next;
  }
  return tags;
}

/** The target of `Link: <…>; rel="next"` (RFC 8288). */
function nextPage(response: HttpResponse): URL | undefined {
  const link = response.headers["link"];
  const target = typeof link === "string" ? /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(link)?.[1] : undefined;
  return target === undefined ? undefined : resolveUrl(target, response.url);
}

/** Says what tags there are, those most like `wanted` first: "It has the tags 1.2, 1.3 and 40 more." */
export function describeTags(tags: readonly string[], wanted: string): string {
  if (tags.length === 0) return "It has no tags.";
  const near = [...tags].sort((a, b) => sharedPrefix(b, wanted) - sharedPrefix(a, wanted));
  const more = tags.length > 8 ? ` and ${tags.length - 8} more` : "";
  return `It has the tag${tags.length === 1 ? "" : "s"} ${near.slice(0, 8).join(", ")}${more}.`;
}

function sharedPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
