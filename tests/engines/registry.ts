import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { makeTempDir } from "../../src/host/temp-dir.ts";
import { createAuthority, type Authority } from "./certificates.ts";
import { needEngine } from "./install.ts";
import { run, startDaemon } from "./process.ts";
import { withCleanup, type Stoppable } from "./cleanup.ts";
import { startTokenServer, type TokenRequest, type TokenServer } from "./token-server.ts";

export interface RegistryOptions {
  /** HTTPS with a certificate of a private authority, see {@link Registry.caFile}. Default: plain HTTP. */
  readonly tls?: boolean;
  /** "basic": htpasswd with bcrypt; "bearer": a token server of ours in this process. Default "none". */
  readonly auth?: "none" | "basic" | "bearer";
  /** For "bearer": who isn't logged in may pull. Default false. */
  readonly anonymousPull?: boolean;
  /** For "bearer": how long a token lasts, in seconds. Default 300. */
  readonly tokenSeconds?: number;
  /** Who may log in; by default a name and a password that need escaping. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Names that its certificate is for beside localhost and `*.reg.test`. */
  readonly hosts?: readonly string[];
  /** Refuses every write with 405. Default false. */
  readonly readOnly?: boolean;
  /** Where blobs are kept; default: a temporary directory of its own. Given, it outlives the registry. */
  readonly storage?: string;
}

/** One answered request, as the registry's access log has it. */
interface LoggedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly status: number;
}

export interface Registry extends Stoppable {
  /** `localhost:PORT`, for references. */
  readonly host: string;
  /** `http://localhost:PORT` or `https://localhost:PORT`. */
  readonly url: string;
  readonly tls: boolean;
  /** PEM; undefined without TLS. */
  readonly caFile: string | undefined;
  /** Whether it asks for these. */
  readonly needsLogin: boolean;
  readonly username: string;
  readonly password: string;
  /** Holds a config.json that logs in. */
  readonly dockerConfigDir: string;
  /** Lets programs trust the certificate and log in: DOCKER_CONFIG, REGISTRY_AUTH_FILE, SSL_CERT_FILE, …. */
  readonly env: Readonly<Record<string, string>>;
  /** The registry's filesystem storage. */
  readonly storage: string;
  /** All requests so far, answered ones only, oldest first. */
  requests(): Promise<LoggedRequest[]>;
  /** Requests to the token server so far; empty without "bearer". */
  tokenRequests(): readonly TokenRequest[];
}

/** One line of htpasswd. Perl is essential in Debian, and its crypt() is libxcrypt's, which knows bcrypt. */
async function htpasswd(username: string, password: string): Promise<string> {
  const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const salt = [...randomBytes(21)].map((byte) => alphabet[byte % 64]).join("");
  const hash = await run("perl", ["-e", "print crypt($ARGV[0], $ARGV[1])", password, `$2b$05$${salt}u`]);
  if (!hash.stdout.startsWith("$2b$05$")) throw new Error("perl's crypt() knows no bcrypt on this machine");
  return `${username}:${hash.stdout.replace("$2b$", "$2y$")}\n`;
}

interface Setup {
  readonly directory: string;
  readonly options: RegistryOptions;
  readonly storage: string;
  readonly authority: Authority | undefined;
  readonly tokens: TokenServer | undefined;
  readonly username: string;
  readonly password: string;
}

/** docker-registry's configuration; JSON is YAML. */
async function writeConfiguration(setup: Setup): Promise<string> {
  const { directory, options, authority, tokens } = setup;
  const http: Record<string, unknown> = {
    addr: "127.0.0.1:0",
    secret: "anyarch",
    headers: { "X-Content-Type-Options": ["nosniff"] },
  };
  if (options.tls === true && authority !== undefined) {
    const { certificateFile, keyFile } = await authority.issue("registry", options.hosts);
    http["tls"] = { certificate: certificateFile, key: keyFile };
  }
  const auth: Record<string, unknown> = {};
  if (options.auth === "basic") {
    const path = join(directory, "htpasswd");
    await writeFile(path, await htpasswd(setup.username, setup.password));
    auth["htpasswd"] = { realm: "anyarch", path };
  } else if (tokens !== undefined && authority !== undefined) {
    const { realm, service, issuer } = tokens;
    auth["token"] = { realm, service, issuer, rootcertbundle: authority.caFile };
  }
  const config = {
    version: "0.1",
    log: { level: "info", formatter: "text", accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: setup.storage },
      delete: { enabled: true },
      maintenance: { readonly: { enabled: options.readOnly === true }, uploadpurging: { enabled: false } },
    },
    http,
    ...(Object.keys(auth).length > 0 ? { auth } : {}),
  };
  const path = join(directory, "config.yml");
  await writeFile(path, JSON.stringify(config, undefined, 2));
  return path;
}

/** Combined log format: `127.0.0.1 - - [time] "GET /v2/ HTTP/1.1" 200 2 "" "agent"`. */
function parseAccessLog(output: string): (LoggedRequest & { readonly agent: string })[] {
  const line = /^\S+ \S+ \S+ \[[^\]]+\] "([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) \d+ "[^"]*" "([^"]*)"$/gm;
  return [...output.matchAll(line)].map(([, method = "", path = "", status = "", agent = ""]) => ({
    method,
    path,
    status: Number(status),
    agent,
  }));
}

/** A request whose line in the log shows that the log is complete up to it. */
function sendMarker(url: string, ca: Buffer | undefined, agent: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith("https:") ? httpsRequest : httpRequest;
    const options = {
      headers: { "user-agent": agent },
      agent: false as const,
      ...(ca === undefined ? {} : { ca }),
    };
    const request = send(`${url}/v2/`, options, (response) => {
      response.resume().on("end", () => resolve());
    });
    request.on("error", reject).end();
  });
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function readRequests(
  url: string,
  caFile: string | undefined,
  output: () => string,
): Promise<LoggedRequest[]> {
  const agent = `marker-${randomBytes(6).toString("hex")}`;
  await sendMarker(url, caFile === undefined ? undefined : await readFile(caFile), agent);
  for (let waited = 0; waited < 2000; waited += 10) {
    if (output().includes(agent)) break;
    await sleep(10);
  }
  return parseAccessLog(output())
    .filter((entry) => !entry.agent.startsWith("marker-"))
    .map(({ method, path, status }) => ({ method, path, status }));
}

/** Variables that make Go programs and Node.js trust more authorities than they do on this machine. */
async function trust(caFiles: readonly string[], directory: string): Promise<Record<string, string>> {
  const own = await Promise.all(caFiles.map((file) => readFile(file, "utf8")));
  const bundle = async (name: string, base: string | undefined): Promise<string> => {
    const known = base !== undefined && existsSync(base) ? await readFile(base, "utf8") : "";
    const path = join(directory, name);
    await writeFile(path, [known, ...own].join("\n"));
    return path;
  };
  const { SSL_CERT_FILE: system = "/etc/ssl/certs/ca-certificates.crt", NODE_EXTRA_CA_CERTS: extra } =
    process.env;
  return {
    SSL_CERT_FILE: await bundle("ssl-cert-file.pem", system),
    NODE_EXTRA_CA_CERTS: await bundle("node-extra-ca-certs.pem", extra),
  };
}

type Access = Pick<Registry, "host" | "username" | "password" | "caFile" | "needsLogin">;

/**
 * Environment in which programs trust and are logged in to all of these registries; its files go into `directory`,
 * which is made. A password is only in it for a registry that asks for one.
 */
export async function clientEnvironment(
  directory: string,
  registries: readonly Access[],
): Promise<Record<string, string>> {
  await mkdir(directory, { recursive: true });
  const auths = Object.fromEntries(
    registries
      .filter(({ needsLogin }) => needsLogin)
      .map(({ host, username, password }) => [
        host,
        { auth: Buffer.from(`${username}:${password}`).toString("base64") },
      ]),
  );
  await writeFile(join(directory, "config.json"), JSON.stringify({ auths }));
  const caFiles = registries.flatMap(({ caFile }) => caFile ?? []);
  return {
    DOCKER_CONFIG: directory,
    REGISTRY_AUTH_FILE: join(directory, "config.json"),
    ...(caFiles.length === 0 ? {} : await trust(caFiles, directory)),
  };
}

/**
 * Starts docker-registry 2.8 on a free port of the loopback, ready when this returns (0.1 s). Throws when the engine
 * is missing.
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const program = (await needEngine("docker-registry")).program("docker-registry");
  return await withCleanup(async (own) => {
    const directory = own(await makeTempDir()).path;
    const tls = options.tls === true;
    const login = options.login ?? { username: "anna", password: "p:ss wörd" };
    const secured = tls || options.auth === "bearer";
    const authority = secured ? await createAuthority(join(directory, "tls")) : undefined;
    const { anonymousPull = false, tokenSeconds: seconds = 300 } = options;
    const tokens =
      authority !== undefined && options.auth === "bearer"
        ? own(await startTokenServer(authority, { ...login, anonymousPull, seconds, tls }))
        : undefined;
    const storage = options.storage ?? join(directory, "storage");
    const config = await writeConfiguration({ directory, options, storage, authority, tokens, ...login });
    const listening = /listening on 127\.0\.0\.1:(\d+)/;
    const daemon = own(
      await startDaemon(program, ["serve", config], {
        env: { OTEL_TRACES_EXPORTER: "none" },
        ready: (output) => listening.test(output),
      }),
    );
    const host = `localhost:${listening.exec(daemon.output())?.[1] ?? ""}`;
    const url = `${tls ? "https" : "http"}://${host}`;
    const caFile = tls ? authority?.caFile : undefined;
    const dockerConfigDir = join(directory, "docker");
    const needsLogin = (options.auth ?? "none") !== "none";
    const identity = { host, url, tls, caFile, needsLogin, ...login };
    const env = await clientEnvironment(dockerConfigDir, [identity]);
    return {
      ...identity,
      env,
      dockerConfigDir,
      storage,
      requests: () => readRequests(url, caFile, () => daemon.output()),
      tokenRequests: () => tokens?.requests() ?? [],
    };
  });
}
