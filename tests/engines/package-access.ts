import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { needEngine } from "./install.ts";
import { run } from "./process.ts";

/** Where Debian's programs look for authorities, in images too. */
const bundle = "/etc/ssl/certs/ca-certificates.crt";

/** Without what is of this machine only: its files and folders. */
async function pipConfiguration(): Promise<string> {
  const python = (await needEngine("python")).program("python");
  const { stdout } = await run(python, ["-m", "pip", "config", "list"]);
  const settings = [
    ...stdout.matchAll(/^[^=\n]*\.(index-url|extra-index-url|trusted-host|timeout)='(.*)'$/gm),
  ];
  const lines = settings.map(
    ([, name = "", value = ""]) => `${name} = ${value.replaceAll(String.raw`\n`, " ")}`,
  );
  return ["[global]", `cert = ${bundle}`, ...lines, ""].join("\n");
}

async function npmConfiguration(): Promise<string> {
  const { stdout } = await run("npm", ["config", "get", "registry"]);
  return [`registry=${stdout.trim()}`, `cafile=${bundle}`, "update-notifier=false", ""].join("\n");
}

/**
 * How this machine reaches the package registries, for the steps of Dockerfiles: build secrets `npmrc`, `pip.conf` and
 * `ca` (a bundle of authorities), as files in `directory`, which is made. Name of the secret → path of its file.
 */
export async function packageSecrets(directory: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(directory, { recursive: true });
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };
  const { SSL_CERT_FILE: own } = process.env;
  const ca = [own, bundle].find((path) => path !== undefined && path !== "" && existsSync(path));
  return {
    npmrc: await file("npmrc", await npmConfiguration()),
    "pip.conf": await file("pip.conf", await pipConfiguration()),
    ...(ca === undefined ? {} : { ca }),
  };
}
