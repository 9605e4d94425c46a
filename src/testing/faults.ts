import type http from "node:http";

/** One way in which a server misbehaves, for the next `times` requests (1 by default) that match. */
export interface Fault {
  readonly method?: string;
  readonly path?: RegExp;
  readonly times?: number;
  readonly action:
    | {
        readonly status: number;
        readonly headers?: Readonly<Record<string, string>>;
        readonly body?: string | Buffer;
      }
    /** The connection is reset at once. */
    | { readonly reset: true }
    /** The connection is reset after the server read this many bytes of the request's body. */
    | { readonly resetAfterRead: number }
    /** This much of an answer of `size` bytes is sent, then the connection is reset. */
    | { readonly truncate: Buffer; readonly size: number };
}

export class FaultList {
  readonly #faults: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  /** True when a fault took the request over. */
  apply(method: string, path: string, request: http.IncomingMessage, response: http.ServerResponse): boolean {
    const entry = this.#faults.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.method === undefined || fault.method === method) &&
        (fault.path === undefined || fault.path.test(path)),
    );
    if (entry === undefined) return false;
    entry.left--;
    perform(entry.fault.action, request, response);
    return true;
  }
}

function perform(
  action: Fault["action"],
  request: http.IncomingMessage,
  response: http.ServerResponse,
): void {
  if ("status" in action) {
    request.resume();
    request.on("end", () => {
      response.writeHead(action.status, action.headers);
      response.end(action.body ?? "");
    });
    return;
  }
  if ("reset" in action) {
    request.socket.resetAndDestroy();
    return;
  }
  if ("resetAfterRead" in action) {
    let read = 0;
    request.on("data", (chunk: Buffer) => {
      read += chunk.length;
      if (read >= action.resetAfterRead) request.socket.resetAndDestroy();
    });
    return;
  }
  response.writeHead(200, { "content-length": action.size });
  // The reset must not overtake the bytes, which the other side would then never see.
  response.write(action.truncate, () => setTimeout(() => request.socket.resetAndDestroy(), 20));
}
