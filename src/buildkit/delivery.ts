import { join } from "node:path";
import type { Platform } from "../oci/platform.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { platformSlug } from "./cache-references.ts";
import type { Endpoint, Node } from "./node.ts";
import type { Delivery } from "./solve.ts";

/**
 * Where a node puts its platform's result. Where the image goes to registries only, the node pushes it there itself,
 * so that layers never pass this machine; otherwise, and where the node can't (Docker's own BuildKit, a registry
 * that only this machine knows), it comes here as an OCI layout, which is then copied. Pure.
 */
export function chooseDelivery(
  request: DockerfileRequest,
  node: Pick<Node, "spec" | "facts">,
  platform: Platform,
  workspace: string,
): Delivery {
  const [first] = request.tags;
  const local = request.load || request.outputs.length > 0;
  if (!request.push || local || first === undefined || !reaches(node.spec.endpoint, first.registry, request))
    return { kind: "layout", directory: join(workspace, `${platformSlug(platform)}.oci`) };
  const repository = `${first.registry}/${first.repository}`;
  const temporary = temporaryTag(request, platform);
  if (temporary !== undefined) return { kind: "push-tag", reference: `${repository}:${temporary}` };
  if (node.facts.pushByDigest) return { kind: "push-by-digest", repository };
  return { kind: "layout", directory: join(workspace, `${platformSlug(platform)}.oci`) };
}

/** The tag that keeps a platform's manifest until the index is there; undefined where none is wanted. */
export function temporaryTag(
  request: Pick<DockerfileRequest, "temporaryTags" | "buildId">,
  platform: Platform,
): string | undefined {
  if (!request.temporaryTags) return undefined;
  return ["anyarch", request.buildId, platformSlug(platform)].filter(Boolean).join("-");
}

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** False where the same name means another host there, or where only this machine knows how to log in. */
function reaches(endpoint: Endpoint, registry: string, request: DockerfileRequest): boolean {
  if (request.pushFrom === "here") return false;
  if (!loopback.test(registry.replace(/:\d+$/, ""))) return true;
  switch (endpoint.kind) {
    case "unix":
      return true;
    case "tcp":
      return loopback.test(new URL(endpoint.url).hostname);
    case "ssh":
      return loopback.test(endpoint.destination.replace(/^.*@/, ""));
    default:
      // A container has a loopback of its own.
      return false;
  }
}
