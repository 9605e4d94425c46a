import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";

export interface ConnectProxy extends AsyncDisposable {
  /** For HTTPS_PROXY. */
  readonly url: string;
  /** "host:port" of every tunnel that was asked for, in order. */
  readonly asked: readonly string[];
}

/**
 * An HTTPS proxy on the loopback that leads the given "host:port" names to "host:port" on this machine and refuses
 * all others: so a real name such as ghcr.io, with TLS, is served by a registry of the tests.
 */
export async function startConnectProxy(routes: Readonly<Record<string, string>>): Promise<ConnectProxy> {
  const asked: string[] = [];
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on("connect", (request, client, head) => {
    const name = request.url ?? "";
    asked.push(name);
    const [host = "", port = ""] = (routes[name] ?? "").split(":");
    client.on("error", () => client.destroy());
    if (port === "") {
      client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const upstream = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
