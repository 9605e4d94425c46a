import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A plain registry's reverse proxy that can be told to answer 503. */
export interface FlakyRegistry extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** How many requests were answered with 503. */
  failures(): number;
  /** From now on the next `times` requests that match are answered with 503. */
  fail(
    times: number,
    matches: (request: { readonly method: string; readonly path: string }) => boolean,
  ): void;
  /** Holds requests that match back from now on, and calls `onHeld` for each. */
  hold(
    matches: (request: { readonly method: string; readonly path: string }) => boolean,
    onHeld: () => void,
  ): void;
}

export async function startFlakyRegistry(target: { readonly host: string }): Promise<FlakyRegistry> {
  type Matches = Parameters<FlakyRegistry["fail"]>[1];
  const port = Number(target.host.split(":").at(-1));
  let failures = 0;
  let left = 0;
  let fails: Matches = () => false;
  let holds: Matches = () => false;
  let held = (): void => {};
  const server = createServer((incoming: IncomingMessage, answer: ServerResponse) => {
    const asked = { method: incoming.method ?? "", path: incoming.url ?? "" };
    if (holds(asked)) {
      held();
      return;
    }
    if (left > 0 && fails(asked)) {
      left--;
      failures++;
      incoming.resume().on("end", () => answer.writeHead(503).end());
      return;
    }
    const { method, headers, url: path } = incoming;
    const onward = request({ host: "127.0.0.1", port, method, path, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    failures: () => failures,
    fail(times, matches) {
      [left, fails] = [times, matches];
    },
    hold(matches, onHeld) {
      [holds, held] = [matches, onHeld];
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
