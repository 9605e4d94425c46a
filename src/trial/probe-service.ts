import { get } from "node:http";
import { connect } from "node:net";

/*
 * What a container listens on is asked directly and not through Host.request: it is this machine's own loopback, which
 * no proxy may come between.
 */

const answerWithinMs = 2000;
const maxBody = 1 << 20;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Whether something accepts connections there. */
export function accepts({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: answerWithinMs });
    const finish = (found: boolean): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
    socket.once("timeout", () => finish(false));
  });
}

/** The answer to a GET; a text where there is none: why. */
export function httpGet(
  { host, port }: Address,
  path: string,
): Promise<{ readonly status: number; readonly body: string } | string> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, agent: false, timeout: answerWithinMs }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        if (body.length < maxBody) body += text;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.once("error", (error) => resolve(error.message));
    });
    request.once("timeout", () => request.destroy(new Error("it doesn't answer")));
    request.once("error", (error) => resolve(error.message));
  });
}
