import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ExecResult } from "../../src/host/exec.ts";
import { machineMirror } from "../engines/apt.ts";
import type { RunOptions } from "../engines/process.ts";
import { copyExample } from "./anyarch.ts";

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The three platforms of the examples, with what `uname -m` says there. */
export const machines = {
  "linux/amd64": "x86_64",
  "linux/arm64": "aarch64",
  "linux/arm/v7": "armv7l",
} as const;

/** One cache for the Debian packages and wheels of all these tests, so that they are fetched once. */
export function sharedCacheDir(): string {
  const { XDG_CACHE_HOME: cache } = process.env;
  return join(cache !== undefined && cache !== "" ? cache : join(homedir(), ".cache"), "anyarch-e2e-cache");
}

/**
 * A copy of an example whose base comes from the main archive of the machine's own mirror alone, by its
 * configuration: not every mirror's security archive has armhf in order. Returns `directory`.
 */
export function prepareExample(name: string, directory: string): string {
  copyExample(name, directory);
  const { uri, signedBy = "/usr/share/keyrings/debian-archive-keyring.gpg" } = machineMirror();
  const settings = { suite: "bookworm", mirror: uri, keyring: signedBy };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  writeFileSync(join(directory, "anyarch.toml"), ["[base.debian]", ...lines, ""].join("\n"));
  return directory;
}

/** What examples/api computes with orjson, computed here without it. */
const encoded = JSON.stringify({ π: 3.141592653589793, n: [0, 1, 2, 3, 4] });
export const orjsonDigest: string = createHash("sha256").update(encoded).digest("hex");

/** A command that runs containers as docker does. */
interface ContainerEngine {
  run(args: readonly string[], options?: RunOptions): Promise<ExecResult>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** The first answer of a service that is starting, perhaps under QEMU: within two minutes, else its log. */
async function firstAnswer(url: string, log: () => Promise<string>): Promise<unknown> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(100)) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return response.json();
  }
  throw new Error(`no answer from ${url}:\n${await log()}`);
}

export interface ServiceAnswers {
  /** GET /. */
  readonly about: unknown;
  /** POST /orders with an order, and with one that isn't. */
  readonly orders: readonly unknown[];
}

/** Starts an image of examples/api on one platform, asks it over HTTP, and stops it. */
export async function askService(
  engine: ContainerEngine,
  image: string,
  platform: string,
): Promise<ServiceAnswers> {
  const port = await freePort();
  const own = ["--host", "127.0.0.1", "--port", String(port)];
  const network = ["--network", "host", "--platform", platform];
  const { stdout } = await engine.run(["run", "--detach", ...network, image, ...own]);
  const container = stdout.trim();
  const log = async (): Promise<string> => {
    const { stdout: out, stderr } = await engine.run(["logs", container], { anyExit: true });
    return out + stderr;
  };
  try {
    const root = `http://127.0.0.1:${port}`;
    const about = await firstAnswer(root, log);
    const orders = await Promise.all(
      ['{"item":"tea","count":3}', '{"item":"tea","count":"many"}'].map(async (text) => {
        const response = await fetch(`${root}/orders?text=${encodeURIComponent(text)}`, { method: "POST" });
        return response.json();
      }),
    );
    return { about, orders };
  } finally {
    await engine.run(["rm", "--force", container], { anyExit: true });
  }
}
