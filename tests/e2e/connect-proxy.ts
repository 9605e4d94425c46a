import { createServer } from "node:http";
import { connect, type Socket } from "node:net";

export interface ConnectProxy extends AsyncDisposable {
  /** For HTTPS_PROXY. */
  readonly url: string;
  /** `host:port` of each tunnel asked for, oldest first. */
  readonly targets: readonly string[];
}

/**
 * An HTTP proxy on the loopback that tunnels (RFC 9110 section 9.3.6) and leads the given "host:port" names to
 * "host:port" on this machine: so a real name such as ghcr.io, with TLS, is served by a registry of the tests.
 * Nothing leaves the machine: other names are refused.
 */
export async function startConnectProxy(routes: Readonly<Record<string, string>>): Promise<ConnectProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on("connect", (request, client: Socket, head) => {
    const target = request.url ?? "";
    targets.push(target);
    const { hostname, port } = new URL(`http://${routes[target] ?? target}`);
    if (!/^(?:localhost|127\.[\d.]+)$/.test(hostname)) {
      client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const upstream = connect(Number(port || 80), hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    for (const [own, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(own);
      own.on("error", () => other.destroy()).on("close", () => sockets.delete(own));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    targets,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
