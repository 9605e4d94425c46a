import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP proxy in front of a server on loopback, which can be slow, or go away in the middle. */
export interface WeakProxy extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** Bytes that clients have sent so far. */
  sent(): number;
  /** Bytes per second towards the server from now on; undefined for no limit. */
  limit(bytesPerSecond: number | undefined): void;
  /** Cuts all connections once clients have sent so many bytes, and takes no more of them. */
  vanishAfter(bytes: number): void;
}

export async function startWeakProxy(target: string): Promise<WeakProxy> {
  const port = Number(target.split(":").at(-1));
  const sockets = new Set<Socket>();
  let count = 0;
  let rate: number | undefined;
  let last = Number.POSITIVE_INFINITY;
  const vanish = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.pipe(client);
    client.on("data", (chunk: Buffer) => {
      count += chunk.length;
      if (count >= last) {
        vanish();
        return;
      }
      upstream.write(chunk);
      if (rate === undefined) return;
      client.pause();
      setTimeout(() => client.resume(), (chunk.length / rate) * 1000);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    sent: () => count,
    limit: (bytesPerSecond) => (rate = bytesPerSecond),
    vanishAfter: (bytes) => (last = bytes),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
