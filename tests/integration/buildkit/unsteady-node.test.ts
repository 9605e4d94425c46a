import { createConnection, createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { formatPlatform } from "../../../src/oci/platform.ts";
import { startBuildkitd, type Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { describeWith } from "../../engines/suites.ts";
import { failures, farmOf, userHost } from "./farm-fixture.ts";

const needed = ["buildkit"] as const;
const engines = await ensureEngines(needed);

let home: TempDir;
let node: Buildkitd;

beforeAll(async () => {
  home = await makeTempDir();
  if (engines.without(...needed) === undefined) node = await startBuildkitd({ listen: "tcp" });
});

afterAll(async () => {
  await node?.stop();
  await home[Symbol.asyncDispose]();
});

interface Tunnel extends AsyncDisposable {
  readonly address: string;
  /** How many connections it closed. */
  readonly closed: () => number;
}

/** A way to the node that breaks down as soon as a client spoke, `times` times; a mere connection isn't one. */
async function startTunnel(times: number): Promise<Tunnel> {
  let closed = 0;
  const server = createServer((client) => {
    const daemon = createConnection(Number(new URL(node.address).port), "127.0.0.1");
    for (const [from, to] of [
      [client, daemon],
      [daemon, client],
    ] as const) {
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    daemon.pipe(client);
    client.on("data", (data: Buffer) => {
      // The headers of a request: what BuildKit's client sends after its preface and settings.
      if (closed < times && data.length > 60) {
        closed += 1;
        client.destroy();
      } else daemon.write(data);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    closed: () => closed,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

describeWith(engines, needed, "a node whose connection breaks down", () => {
  it("is asked once more", async () => {
    await using tunnel = await startTunnel(1);
    await using farm = await farmOf(userHost(engines, home.path), { builders: [tunnel.address] });
    expect(tunnel.closed()).toBe(1);
    expect(failures(farm)).toEqual([]);
    expect(farm.nodes.map(({ facts }) => formatPlatform(facts.native))).toEqual(["linux/amd64"]);
  });

  it("is given up when it goes on", async () => {
    await using tunnel = await startTunnel(1000);
    await using farm = await farmOf(userHost(engines, home.path), { builders: [tunnel.address] });
    expect(tunnel.closed()).toBeGreaterThan(1);
    expect(failures(farm)).toEqual([expect.stringMatching(/^BUILDER_UNREACHABLE: .* can't be reached: /)]);
  });
});
