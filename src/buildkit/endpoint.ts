import { isAbsolute, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { parsePlatform, type Platform } from "../oci/platform.ts";
import type { Endpoint, TlsFiles } from "./node.ts";

const containerSchemes: ReadonlySet<string> = new Set([
  "docker-container",
  "podman-container",
  "nerdctl-container",
  "kube-pod",
]);

/** Names of the TLS files in a query: ours, and those of buildx's driver options. */
const tlsKeys = new Map<string, keyof TlsFiles>([
  ["ca", "ca"],
  ["cacert", "ca"],
  ["cert", "cert"],
  ["key", "key"],
  ["servername", "serverName"],
]);

function invalid(text: string, why: string, hint?: string): AnyarchError {
  return new AnyarchError("BUILDER_INVALID", `"${text}" is not a builder: ${why}.`, {
    hint,
    details: { builder: withoutPassword(text) },
  });
}

function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^/@\s:]*):[^/@\s]*@/, "$1:***@");
}

/**
 * Understands `[PLATFORM[,PLATFORM]=]ENDPOINT`, the value of `--builder`. The endpoint itself isn't looked at.
 * Throws BUILDER_INVALID, and PLATFORM_INVALID for a platform that isn't one.
 */
export function parseBuilderFlag(text: string): { platforms?: readonly Platform[]; endpoint: string } {
  const value = text.trim();
  if (value === "") throw invalid(text, "it is empty");
  // An "=" after "://" or "?" belongs to the endpoint.
  const equals = /^([^=?:]*)=(.*)$/s.exec(value);
  if (equals === null) return { endpoint: value };
  const [, names = "", endpoint = ""] = equals;
  if (endpoint.trim() === "") throw invalid(text, "no endpoint follows the equals sign");
  if (names.trim() === "") throw invalid(text, "no platform stands before the equals sign");
  return { platforms: names.split(",").map(parsePlatform), endpoint: endpoint.trim() };
}

/**
 * Understands an endpoint: `ssh://[USER@]HOST[:PORT]`, `tcp://HOST:PORT[?ca=…&cert=…&key=…&servername=…]`,
 * `unix:///PATH` or an absolute path, `docker-container://NAME`, `podman-container://NAME`, `kube-pod://NAME`,
 * `context://NAME`, or the name of a buildx builder (`NAME` or `NAME/NODE`). Paths of TLS files become absolute,
 * taken from `cwd`. Throws BUILDER_INVALID with the right form.
 */
export function parseEndpoint(text: string, cwd: string): Endpoint {
  const value = text.trim();
  if (value === "") throw invalid(text, "it is empty");
  if (/[\s\0]/.test(value)) throw invalid(text, "it holds white space");
  if (isAbsolute(value)) return { kind: "unix", url: `unix://${value}` };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase();
  if (scheme === undefined) return parseBuilderName(value);
  if (scheme === "unix") return parseUnix(value);
  if (scheme === "context" || scheme === "docker-context") {
    const name = value.slice(value.indexOf("://") + 3);
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.+-]*$/.test(name))
      throw invalid(text, "a docker context's name is missing");
    return { kind: "context", name };
  }
  const url = parseUrl(value);
  if (url.hash !== "") throw invalid(value, "an endpoint has no fragment");
  if (scheme === "ssh") return parseSsh(value, url);
  if (scheme === "tcp") return parseTcp(value, url, cwd);
  if (containerSchemes.has(scheme)) return parseContainer(value, url);
  throw invalid(value, `"${scheme}://" is no way to reach BuildKit`);
}

function parseUrl(text: string): URL {
  let url: URL;
  try {
    // Schemes that the URL standard doesn't know keep no host: one that it knows stands in.
    url = new URL(text.replace(/^[a-z][a-z0-9+.-]*:/i, "ws:"));
  } catch {
    throw invalid(withoutPassword(text), "it isn't a URL");
  }
  if (url.password !== "")
    throw invalid(
      withoutPassword(text),
      "a password doesn't belong in an address",
      "Use a key with ssh, and certificates with tcp; passwords on a command line can be read by everybody on the machine.",
    );
  return url;
}

function parseUnix(text: string): Endpoint {
  const path = text.slice("unix://".length);
  if (!isAbsolute(path)) throw invalid(text, "the path of the socket isn't absolute", "Write unix:///PATH.");
  return { kind: "unix", url: text };
}

function parseSsh(text: string, url: URL): Endpoint {
  if (url.hostname === "") throw invalid(text, "it names no host");
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "")
    throw invalid(text, "something follows the host", "Write ssh://[USER@]HOST[:PORT].");
  const user = decodeURIComponent(url.username);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // ssh would take them for options.
  if (user.startsWith("-") || host.startsWith("-"))
    throw invalid(text, "user and host can't begin with a hyphen");
  const destination = user === "" ? host : `${user}@${host}`;
  const port = explicitPort(text);
  return {
    kind: "ssh",
    url: `ssh://${user === "" ? "" : `${user}@`}${url.hostname}${port === undefined ? "" : `:${port}`}`,
    destination,
    ...(port !== undefined && { port }),
  };
}

/** The port as written: the URL standard drops the stand-in scheme's own. */
function explicitPort(text: string): number | undefined {
  const port = /^[a-z0-9+.-]+:\/\/(?:[^@/?]*@)?(?:\[[^\]]*\]|[^:/?[\]]*):(\d+)/i.exec(text)?.[1];
  if (port === undefined) return undefined;
  if (Number(port) < 1 || Number(port) > 65_535) throw invalid(text, `there is no port ${port}`);
  return Number(port);
}

function parseTcp(text: string, url: URL, cwd: string): Endpoint {
  const port = explicitPort(text);
  if (url.hostname === "" || port === undefined)
    throw invalid(text, "host and port are needed", "Write tcp://HOST:PORT.");
  if (url.username !== "")
    throw invalid(text, "tcp has no users", "Use a client certificate: ?cert=FILE&key=FILE.");
  if (url.pathname !== "" && url.pathname !== "/") throw invalid(text, "something follows the port");
  const files: { -readonly [K in keyof TlsFiles]: TlsFiles[K] } = {};
  for (const [name, value] of url.searchParams) {
    const key = tlsKeys.get(name.toLowerCase());
    if (key === undefined) throw invalid(text, `"${name}" isn't one of ca, cert, key and servername`);
    if (value === "") throw invalid(text, `"${name}" is empty`);
    files[key] = key === "serverName" ? value : resolve(cwd, value);
  }
  if ((files.cert === undefined) !== (files.key === undefined))
    throw invalid(text, "cert and key belong together");
  const tls = Object.keys(files).length > 0;
  return { kind: "tcp", url: `tcp://${url.hostname}:${port}`, ...(tls && { tls: files }) };
}

function parseContainer(text: string, url: URL): Endpoint {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(url.hostname))
    throw invalid(text, "the container's name is missing");
  if (url.pathname !== "" && url.pathname !== "/") throw invalid(text, "something follows the name");
  return { kind: "container", url: text.replace(/\/$/, "") };
}

function parseBuilderName(text: string): Endpoint {
  const match = /^([a-zA-Z0-9][a-zA-Z0-9_.-]*)(?:\/([a-zA-Z0-9][a-zA-Z0-9_.-]*))?$/.exec(text);
  if (match === null) {
    const [, host, port] = /^([^\s/@]+@?[^\s/@]*):(\d+)$/.exec(text) ?? [];
    throw invalid(
      text,
      "it is neither an address nor the name of a builder",
      host === undefined
        ? undefined
        : `Did you mean ${host.includes("@") ? "ssh" : "tcp"}://${host}:${port}?`,
    );
  }
  const [, name = "", node] = match;
  return { kind: "builder", name, ...(node !== undefined && { node }) };
}
