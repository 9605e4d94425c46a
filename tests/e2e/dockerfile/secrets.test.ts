import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBaseRegistry } from "../../engines/base-images.ts";
import { startBuildkitd, type Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { startRegistry, type Registry } from "../../engines/registry.ts";
import { makeSshClient, startSshd, type SshClient, type SshHost } from "../../engines/sshd.ts";
import { describeWith } from "../../engines/suites.ts";
import type { Run } from "../anyarch.ts";
import { openSite, type Site } from "./site.ts";

const needed = ["buildkit", "buildx", "busybox", "docker-registry", "openssl", "sshd", "dockerd"] as const;
const engines = await ensureEngines(needed);

let bases: Registry;
let registry: Registry;
let node: Buildkitd;
let host: SshHost;
let client: SshClient;
let site: Site;

const fromFile = "s3cret-in-a-file";
const fromVariable = "s3cret-in-a-variable";
const argument = "t0ken-of-a-build-arg";

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  bases = await startBaseRegistry(["busybox:stable"]);
  registry = await startRegistry({
    tls: true,
    auth: "basic",
    login: { username: "anna", password: "p4ssword-x" },
  });
  node = await startBuildkitd({ registries: [registry], mirrors: { "docker.io": bases } });
  const path = (...folders: readonly string[]): string => [...folders, process.env["PATH"] ?? ""].join(":");
  host = await startSshd({ commandEnvironment: { BUILDKIT_HOST: node.address, PATH: path(node.path) } });
  client = await makeSshClient({ "arm.test": host });
  const { SSL_CERT_FILE = "", NODE_EXTRA_CA_CERTS = "" } = registry.env;
  site = openSite({
    PATH: path(client.path, engines.path),
    SSL_CERT_FILE,
    NODE_EXTRA_CA_CERTS,
    KEY: fromVariable,
  });
  writeFileSync(join(site.root, "secret"), fromFile);
  site.write([
    "FROM busybox:stable",
    "ARG TOKEN FAIL",
    "RUN --mount=type=secret,id=file --mount=type=secret,id=variable \\",
    '  test -n "$(cat /run/secrets/file)" && \\',
    '  test -n "$(cat /run/secrets/variable)$TOKEN" && echo used && sleep 0.5 && test -z "$FAIL"',
  ]);
});

afterAll(async () => {
  await client?.stop();
  await host?.stop();
  await node?.stop();
  await registry?.stop();
  await bases?.stop();
  site?.[Symbol.dispose]();
});

const secrets = (): readonly string[] => [
  fromFile,
  fromVariable,
  argument,
  registry.password,
  ...[fromFile, fromVariable, registry.password, `anna:${registry.password}`].map((text) =>
    Buffer.from(text).toString("base64"),
  ),
];

/** Of all processes that aren't this user's own: the builder's and the SSH host's. */
function foreignCommands(): readonly string[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "latin1");
    } catch {
      return ""; // It has just ended.
    }
  };
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && !read(`/proc/${pid}/environ`).includes(site.env["SITE"] ?? ""))
    .map((pid) => read(`/proc/${pid}/cmdline`));
}

function build(
  backend: string,
  ...more: readonly string[]
): Promise<{ run: Run; seen: ReadonlySet<string> }> {
  const seen = new Set<string>();
  const target = `${registry.host}/team/app:1`;
  const given = ["--secret", `id=file,src=${site.root}/secret`, "--secret", "id=variable,env=KEY"];
  const args = [...given, "--build-arg", `TOKEN=${argument}`, "--tag", target, "--push"];
  const login = ["--username", "anna", "--password-stdin", "--metadata-file", `${site.root}/metadata.json`];
  let timer: NodeJS.Timeout | undefined;
  return site
    .build(["--platform", "linux/amd64", "--builder", host.url, "--no-cache", ...args, ...login, ...more], {
      input: registry.password,
      env: { ANYARCH_BUILDKIT_BACKEND: backend },
      onStart: () => {
        timer = setInterval(() => {
          for (const command of foreignCommands()) seen.add(command);
        }, 100);
      },
    })
    .then((run) => ({ run, seen }))
    .finally(() => clearInterval(timer));
}

describeWith(engines, needed, "secrets", () => {
  it.each<[string, number, readonly string[]]>([
    ["buildx", 0, ["--format", "json", "--verbose"]],
    ["buildx", 1, ["--build-arg", "FAIL=1", "--verbose"]],
    ["buildctl", 1, ["--build-arg", "FAIL=1", "--progress", "json"]],
    ["buildctl", 0, ["--dry-run"]],
  ])("are nowhere but where they are used (%s, exit code %i, %j)", async (backend, exit, more) => {
    const { run, seen } = await build(backend, ...more);
    expect(run.code, run.stderr).toBe(exit);
    const metadata = readFileSync(join(site.root, "metadata.json"), "utf8");
    expect(
      [...seen].some((command) => command.includes("dial-stdio")),
      "the SSH host was seen",
    ).toBe(true);
    for (const secret of secrets()) {
      expect(run.stdout).not.toContain(secret);
      expect(run.stderr).not.toContain(secret);
      expect(metadata).not.toContain(secret);
      expect([...seen].filter((command) => command.includes(secret))).toEqual([]);
    }
    await site.expectTidy();
  });
});
