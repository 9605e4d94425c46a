import { AnyarchError } from "../errors/error.ts";
import { type Digest, isDigest } from "./digest.ts";

/** A reference as in the distribution project's reference grammar, with Docker's defaults applied. */
export interface Reference {
  /** Host and port: "docker.io", "ghcr.io", "localhost:5000". */
  readonly registry: string;
  /** "library/python", "myorg/myapp". */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const domain =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;

/** Throws REFERENCE_INVALID, saying which part is wrong. Neither tag nor digest is added where there is none. */
export function parseReference(text: string): Reference {
  const fail = (why: string): never => {
    throw new AnyarchError("REFERENCE_INVALID", `"${text}" is not an image reference: ${why}.`);
  };
  let rest = text.trim();
  if (rest === "") fail("it is empty");
  if (/^[a-f0-9]{64}$/.test(rest)) fail("64 hexadecimal digits are a digest or id, not a name");
  let digest: Digest | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    const value = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!isDigest(value)) fail(`"${value}" isn't a sha256 or sha512 digest`);
    else digest = value;
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!tagPattern.test(tag))
      fail(`the tag "${tag}" may hold only letters, digits, "_", "." and "-", at most 128`);
  }
  const { registry, repository } = splitDomain(rest);
  if (!domain.test(registry)) fail(`"${registry}" isn't a host name with an optional port`);
  if (repository.length > 255) fail("the name is longer than 255 characters");
  for (const part of repository.split("/")) {
    if (component.test(part)) continue;
    if (part !== part.toLowerCase())
      fail(`the name must be in lower case: ${text.trim().replace(rest, rest.toLowerCase())}`);
    fail(
      part === ""
        ? "a part of the name is empty"
        : `the name part "${part}" may hold only a-z, 0-9 and single ".", "_", "-" between them`,
    );
  }
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function splitDomain(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost =
    first !== "" &&
    (first.includes(".") || first.includes(":") || first === "localhost" || first !== first.toLowerCase());
  const registry = isHost ? first : "docker.io";
  let repository = isHost ? name.slice(slash + 1) : name;
  const hub = registry === "docker.io" || registry === "index.docker.io";
  if (hub && !repository.includes("/")) repository = `library/${repository}`;
  return { registry: hub ? "docker.io" : registry, repository };
}

/** The full form: registry/repository[:tag][@digest]. */
export function formatReference(reference: Reference): string {
  const { registry, repository, tag, digest } = reference;
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** The form that people write: without docker.io/ and library/, where what is left can't be misread. */
export function familiarReference(reference: Reference): string {
  const full = formatReference(reference);
  if (reference.registry !== "docker.io") return full;
  const [first = "", ...others] = reference.repository.split("/");
  const isOfficial = first === "library" && others.length === 1;
  const name = isOfficial ? (others[0] ?? "") : reference.repository;
  const isMisread = splitDomain(name).repository !== reference.repository || /^[a-f0-9]{64}$/.test(name);
  return isMisread ? full : name + full.slice("docker.io/".length + reference.repository.length);
}

/** The same reference with tag `latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: "latest" }
    : reference;
}
