import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { HttpDispatcher, readBody } from "../../../src/host/http.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { createAuthority } from "../../engines/certificates.ts";
import { ensureEngines } from "../../engines/install.ts";
import { describeWith } from "../../engines/suites.ts";

const engines = await ensureEngines(["openssl"]);

describeWith(engines, ["openssl"], "HTTPS through a proxy", () => {
  let temp: TempDir;
  let caFile: string;
  let server: https.Server;
  let proxy: http.Server;
  let connects: string[];
  let address: URL;

  beforeEach(async () => {
    temp = await makeTempDir();
    const authority = await createAuthority(join(temp.path, "tls"));
    caFile = authority.caFile;
    const { certificateFile, keyFile } = await authority.issue("server");
    server = https.createServer(
      { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
      (_request, response) => response.end("through"),
    );
    connects = [];
    proxy = http.createServer().on("connect", (request: http.IncomingMessage, socket: net.Socket) => {
      connects.push(request.url ?? "");
      const target = net.connect(portOf(server), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      socket.on("error", () => target.destroy());
    });
    for (const one of [server, proxy])
      await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
    // A name that only the proxy knows: nothing can pass it by.
    address = new URL(`https://only.reg.test:${portOf(server)}/`);
    for (const name of ["NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"])
      vi.stubEnv(name, "");
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${portOf(proxy)}`);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    for (const one of [server, proxy]) {
      one.closeAllConnections();
      await new Promise((resolve) => one.close(resolve));
    }
    await temp[Symbol.asyncDispose]();
  });

  const portOf = (one: net.Server): number => (one.address() as AddressInfo).port;

  async function get(dispatcher: HttpDispatcher): Promise<string> {
    const response = await dispatcher.request({ method: "GET", url: address });
    return (await readBody(response)).toString();
  }

  it("trusts the authorities of SSL_CERT_FILE, over one connection", async () => {
    const dispatcher = new HttpDispatcher({ ...process.env, SSL_CERT_FILE: caFile });
    expect(await get(dispatcher)).toBe("through");
    expect(await get(dispatcher)).toBe("through");
    await dispatcher.close();
    expect(connects).toEqual([address.host]);
  });

  it("distrusts a server whose authority nobody named, unless it was declared insecure", async () => {
    const dispatcher = new HttpDispatcher({ HTTPS_PROXY: process.env["HTTPS_PROXY"] });
    await expect(get(dispatcher)).rejects.toThrow(/certificate/);
    const insecure = { method: "GET", url: address, tls: { insecure: true } };
    expect((await readBody(await dispatcher.request(insecure))).toString()).toBe("through");
    await dispatcher.close();
  });
});
