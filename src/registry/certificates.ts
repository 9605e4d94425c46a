import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { TlsOptions } from "../host/http.ts";

/**
 * What a registry's TLS needs beside the host's own trust: `ca`, and the certs.d folders of Docker and
 * containers (`HOST[:PORT]/*.crt` are authorities, `*.cert` with a `*.key` of the same name a client certificate).
 * Throws CONFIG_INVALID where `ca` can't be read.
 */
export async function tlsOptionsFor(
  host: string,
  options: { readonly ca?: string; readonly insecure?: boolean },
  ctx: Context,
): Promise<TlsOptions | undefined> {
  const { env, home, cwd } = ctx.host;
  const config = env["XDG_CONFIG_HOME"] || join(home, ".config");
  const roots = [
    join(config, "containers/certs.d"),
    join(config, "docker/certs.d"),
    "/etc/containers/certs.d",
    "/etc/docker/certs.d",
  ];
  const ca: string[] = [];
  if (options.ca !== undefined) ca.push(await readAuthority(resolve(cwd, options.ca), host));
  let client: { cert: string; key: string } | undefined;
  for (const root of roots) {
    const dir = join(root, host);
    const names = await list(dir);
    for (const name of names.filter((file) => file.endsWith(".crt"))) {
      ca.push(await readFile(join(dir, name), "utf8"));
    }
    const cert = names.find((file) => file.endsWith(".cert"));
    const key = cert?.replace(/\.cert$/, ".key");
    if (client !== undefined || cert === undefined || key === undefined || !names.includes(key)) continue;
    client = {
      cert: await readFile(join(dir, cert), "utf8"),
      key: await readFile(join(dir, key), "utf8"),
    };
  }
  if (ca.length === 0 && client === undefined && options.insecure !== true) return undefined;
  return { ...(ca.length > 0 && { ca }), ...client, ...(options.insecure === true && { insecure: true }) };
}

async function readAuthority(path: string, host: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AnyarchError(
      "CONFIG_INVALID",
      `The certificate authority of ${host}, ${path}, can't be read.`,
      {
        cause: error,
      },
    );
  }
}

async function list(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch {
    return [];
  }
}
