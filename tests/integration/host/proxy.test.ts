import http from "node:http";
import type { AddressInfo } from "node:net";
import net from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readBody } from "../../../src/host/http.ts";
import { createNodeHost } from "../../../src/host/node-host.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0)) close();
});

function listen(server: net.Server): Promise<number> {
  closers.push(() => server.close());
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
}

/** A forward proxy that writes down what passes through it. */
async function startProxy(): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
    const target = new URL(request.url ?? "");
    const { "proxy-authorization": _mine, ...headers } = request.headers;
    const onward = http.request(target, { method: request.method ?? "GET", headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  server.on("connect", (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  return { port: await listen(server), seen };
}

let origin: string;
beforeEach(async () => {
  const server = http.createServer((request, response) =>
    response.end(`hello ${request.method} ${request.url}`),
  );
  origin = `http://127.0.0.1:${await listen(server)}`;
});

const get = async (env: Record<string, string>, url: string): Promise<string> => {
  for (const name of ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]) {
    for (const form of [name, name.toUpperCase()]) vi.stubEnv(form, env[form] ?? "");
  }
  const host = createNodeHost();
  try {
    return (await readBody(await host.request({ method: "GET", url: new URL(url) }))).toString();
  } finally {
    await host.close();
  }
};

describe("proxies", () => {
  it("sends plain requests through HTTP_PROXY, with its credentials, and not to what NO_PROXY names", async () => {
    const { port, seen } = await startProxy();
    const proxy = `http://user:secret@127.0.0.1:${port}`;
    expect(await get({ HTTP_PROXY: proxy }, `${origin}/a`)).toBe("hello GET /a");
    expect(seen).toEqual([`GET ${origin}/a Basic ${Buffer.from("user:secret").toString("base64")}`]);
    expect(await get({ HTTP_PROXY: proxy, NO_PROXY: "127.0.0.1" }, `${origin}/b`)).toBe("hello GET /b");
    expect(seen).toHaveLength(1);
  });

  it("asks HTTPS_PROXY for a tunnel", async () => {
    const { port, seen } = await startProxy();
    // What the proxy answers instead of a tunnel is the answer.
    await get({ https_proxy: `http://127.0.0.1:${port}` }, "https://registry.invalid/v2/");
    expect(seen).toEqual(["CONNECT registry.invalid:443"]);
  });

  it("uses ALL_PROXY where no other is set", async () => {
    const { port, seen } = await startProxy();
    expect(await get({ ALL_PROXY: `http://127.0.0.1:${port}` }, `${origin}/c`)).toBe("hello GET /c");
    expect(seen).toHaveLength(1);
  });
});

describe("requests", () => {
  it("gives up on a server that says nothing, and names it", async () => {
    const server = net.createServer(() => {});
    const port = await listen(server);
    const host = createNodeHost({ env: {} });
    const request = host.request({
      method: "GET",
      url: new URL(`http://127.0.0.1:${port}/`),
      idleTimeoutMs: 200,
    });
    await expect(request).rejects.toThrow(`127.0.0.1:${port} sent nothing for 0.2 seconds`);
    await host.close();
  });

  it("stops a body that is longer than it may be", async () => {
    const host = createNodeHost({ env: {} });
    const response = await host.request({ method: "GET", url: new URL(`${origin}/long`) });
    await expect(readBody(response, 4)).rejects.toThrow("more than 4 bytes");
    await host.close();
  });

  it("is cancelled by its signal", async () => {
    const server = net.createServer(() => {});
    const port = await listen(server);
    const host = createNodeHost({ env: {} });
    const abort = new AbortController();
    const request = host.request({
      method: "GET",
      url: new URL(`http://127.0.0.1:${port}/`),
      signal: abort.signal,
    });
    abort.abort();
    await expect(request).rejects.toMatchObject({ name: "AbortError" });
    await host.close();
  });
});
