import { readFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import type { Context } from "../host/context.ts";
import type { Endpoint, TlsFiles } from "./node.ts";
import { tlsFailure, unreachable } from "./node-failure.ts";

type SocketEndpoint = Extract<Endpoint, { readonly kind: "tcp" | "unix" }>;

/**
 * Connects to a BuildKit on a socket and waits for the first bytes of HTTP/2, which it sends unasked: so far only a
 * living daemon gets, and only with certificates that both sides accept. buildx hides all of this behind 20 seconds
 * of waiting. Throws BUILDER_UNREACHABLE, BUILDER_UNTRUSTED or BUILDER_UNAUTHORIZED.
 */
export async function greetSocket(
  name: string,
  endpoint: SocketEndpoint,
  timeoutMs: number,
  ctx: Context,
): Promise<void> {
  ctx.signal.throwIfAborted();
  const socket = endpoint.kind === "unix" ? openUnix(endpoint.url) : await openTcp(name, endpoint);
  const secure = endpoint.kind === "tcp" && endpoint.tls !== undefined;
  let connected = false;
  socket.once(secure ? "secureConnect" : "connect", () => (connected = true));
  try {
    await firstBytes(socket, timeoutMs, ctx.signal);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    throw explain(name, endpoint, error, connected, timeoutMs);
  } finally {
    socket.destroy();
  }
}

function openUnix(url: string): Socket {
  return connectSocket({ path: url.slice("unix://".length) });
}

async function openTcp(name: string, endpoint: Extract<Endpoint, { kind: "tcp" }>): Promise<Socket> {
  const { hostname, port } = new URL(endpoint.url.replace(/^tcp:/, "http:"));
  const host = hostname.replace(/^\[|\]$/g, "");
  // The URL standard drops http's own port.
  const at = { host, port: port === "" ? 80 : Number(port) };
  const { tls } = endpoint;
  if (tls === undefined) return connectSocket(at);
  const [ca, cert, key] = await Promise.all([
    readPem(name, tls.ca),
    readPem(name, tls.cert),
    readPem(name, tls.key),
  ]);
  const identity = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  // The server's name counts; an address has none to send.
  const servername = tls.serverName ?? (/^[\d.]+$|:/.test(host) ? "" : host);
  try {
    // Without an authority of its own the client judges by the system's, which may know more than Node.js does.
    const options = { ...identity, rejectUnauthorized: ca !== undefined, ALPNProtocols: ["h2"] };
    return connectTls({ ...at, ...options, servername });
  } catch (error) {
    throw unusablePem(name, tls, error);
  }
}

async function readPem(name: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new AnyarchError(
      "BUILDER_INVALID",
      `${path}, a TLS file of the builder ${name}, can't be read: ${systemReason(error)}.`,
      { cause: error, hint: "Correct the path in the endpoint's ca, cert or key." },
    );
  }
}

function unusablePem(name: string, tls: TlsFiles, cause: unknown): AnyarchError {
  const files = [tls.ca, tls.cert, tls.key].filter(Boolean).join(", ");
  return new AnyarchError(
    "BUILDER_INVALID",
    `The TLS files of the builder ${name} can't be used: ${files}.`,
    {
      cause,
      hint: "They have to be PEM files, and the key has to belong to the certificate.",
    },
  );
}

function firstBytes(socket: Socket, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    const timer = setTimeout(() => reject(new SilenceError()), timeoutMs);
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("data", () => settle(resolve));
    socket.once("error", (error) => settle(() => reject(error)));
    socket.once("close", () => settle(() => reject(new ClosedError())));
    // An error that comes when all is decided is of no interest.
    socket.on("error", () => {});
  });
}

class SilenceError extends Error {}
class ClosedError extends Error {}

function explain(
  name: string,
  endpoint: SocketEndpoint,
  error: unknown,
  connected: boolean,
  timeoutMs: number,
): AnyarchError {
  const seconds = Math.max(1, Math.round(timeoutMs / 1000));
  if (error instanceof SilenceError && !connected)
    return unreachable(name, `nothing answered within ${seconds} s`, error);
  if (error instanceof SilenceError)
    return unreachable(
      name,
      `something takes the connection but doesn't greet as BuildKit does within ${seconds} s`,
      error,
      endpoint.kind === "tcp" && endpoint.tls === undefined
        ? "If it speaks TLS, give the certificates: tcp://HOST:PORT?ca=FILE&cert=FILE&key=FILE. If BuildKit hangs, start it again."
        : "If BuildKit hangs, start it again.",
    );
  const refused = tlsFailure(name, error);
  if (refused !== undefined) return refused;
  if (error instanceof ClosedError) return unreachable(name, "the connection was closed at once", error);
  return socketFailure(name, endpoint, error);
}

function socketFailure(name: string, endpoint: SocketEndpoint, error: unknown): AnyarchError {
  const code = systemCode(error);
  const isUnix = endpoint.kind === "unix";
  switch (code) {
    case "EACCES":
    case "EPERM":
      return new AnyarchError("BUILDER_UNAUTHORIZED", `${name}: this user may not use the socket.`, {
        cause: error,
        hint: "Join the group that owns the socket (ls -l shows it) and log in anew; don't open it to everybody.",
      });
    case "ENOENT":
      return unreachable(name, "there is no such socket", error, "Start buildkitd, or correct the path.");
    case "ECONNREFUSED":
      return unreachable(
        name,
        isUnix ? "nothing listens on the socket" : "the connection was refused",
        error,
        "Start buildkitd there, or correct the address.",
      );
    case "ECONNRESET":
    case "EPIPE":
      return unreachable(name, "the connection was closed at once", error);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return unreachable(name, "the host's name isn't known", error, "Correct the name.");
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return unreachable(name, "no way leads to the host", error);
    default:
      return unreachable(name, error instanceof Error ? error.message : String(error), error);
  }
}
