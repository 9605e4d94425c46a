import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crane } from "../engines/clients.ts";
import { ensureEngines } from "../engines/install.ts";
import { startRegistry, type Registry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace, type Run, type RunOptions, type Workspace } from "./anyarch.ts";
import { startConnectProxy } from "./connect-proxy.ts";
import { prepareExample, sharedCacheDir } from "./example-service.ts";

const engines = await ensureEngines(["docker-registry", "openssl", "crane"]);

/** What trusts a registry's certificate, without any password. */
function trustOnly({ env }: Registry): Record<string, string | undefined> {
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = env;
  return { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, DOCKER_CONFIG: "/nonexistent", REGISTRY_AUTH_FILE: undefined };
}

describeWith(engines, ["docker-registry", "openssl", "crane"], "who may push", () => {
  let workspace: Workspace;
  let hello: string;

  const push = (reference: string, options: RunOptions, ...more: string[]): Promise<Run> =>
    anyarch(["build", hello, "--platform", "linux/arm64", "-t", reference, "--push", ...more], {
      ...options,
      cwd: workspace.path,
      env: { ...workspace.env, ...options.env },
    });

  beforeAll(() => {
    workspace = makeWorkspace({ cacheDir: sharedCacheDir() });
    hello = prepareExample("hello-python", join(workspace.path, "hello"));
  });

  afterAll(() => workspace[Symbol.dispose]());

  it("004-09 takes a user's password from standard input, and shows it nowhere", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const reference = `${registry.host}/hello:1`;
    const input = `${registry.password}\n`;
    const login = ["--username", registry.username, "--password-stdin"];
    const pushed = await push(reference, { env: trustOnly(registry), input }, ...login, "--verbose");
    expect(pushed, pushed.stderr).toMatchObject({ code: 0 });
    expect(pushed.stdout + pushed.stderr).not.toContain(registry.password);
    await crane(["validate", "--remote", reference], { registry });
  });

  it.each(["a wrong password", "no password"])(
    "pushes nothing with %s, and says so before it builds",
    async (which) => {
      await using registry = await startRegistry({ tls: true, auth: "basic" });
      const login = which === "no password" ? [] : ["--username", registry.username, "--password-stdin"];
      const options = { env: trustOnly(registry), input: "s3cret-guess\n" };
      const refused = await push(`${registry.host}/hello:1`, options, ...login, "--no-cache");
      expect(refused).toMatchObject({ code: 4, stdout: "" });
      expect(refused.stderr).toContain("[REGISTRY_UNAUTHORIZED]");
      expect(refused.stderr).toContain(`refuses to accept a push to hello with`);
      expect(refused.stderr).toContain(
        which === "no password" ? "anonymous access" : "the credentials of the user anna",
      );
      expect(refused.stderr).toContain(`docker login ${registry.host}`);
      expect(refused.stderr).not.toContain("s3cret-guess");
      expect(refused.stderr).not.toContain("copy the build");
      const written = (await registry.requests()).filter(({ status }) => status < 400);
      expect(written).toEqual([]);
    },
  );

  it("names the certificate authority where it isn't trusted", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const { DOCKER_CONFIG } = registry.env;
    const refused = await push(`${registry.host}/hello:1`, { env: { DOCKER_CONFIG } });
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toContain("[REGISTRY_TLS]");
    expect(await registry.requests()).toEqual([]);
  });

  it("leaves no upload open, and asks for no more than it needs", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const reference = `${registry.host}/hello:1`;
    expect(await push(reference, { env: registry.env })).toMatchObject({ code: 0 });
    const requests = await registry.requests();
    const uploads = requests.filter(
      ({ path, method }) => path.includes("/blobs/uploads/") && method !== "PUT",
    );
    const open = uploads.filter(({ method, status }) => method === "POST" && status === 202).length;
    const layers = requests.filter(
      ({ path, method }) => path.includes("/blobs/uploads/") && method === "PUT",
    ).length;
    expect(uploads.filter(({ method }) => method === "DELETE")).toMatchObject([{ status: 204 }]);
    expect(open).toBe(layers + 1);
  });

  it("004-09 pushes to a registry with tokens, each for its own repository", async () => {
    await using registry = await startRegistry({ tls: true, auth: "bearer", anonymousPull: true });
    const reference = `${registry.host}/team/hello:1`;
    const pushed = await push(reference, { env: registry.env });
    expect(pushed, pushed.stderr).toMatchObject({ code: 0 });
    const tokens = registry.tokenRequests();
    expect(tokens.map(({ user, status }) => [user, status])).toEqual(tokens.map(() => ["anna", 200]));
    expect(new Set(tokens.flatMap(({ scopes }) => scopes))).toEqual(
      new Set(["repository:team/hello:pull,push"]),
    );
    await crane(["validate", "--remote", reference], { registry });
    // Whoever may pull without a login still may not push.
    const refused = await push(`${registry.host}/team/hello:2`, { env: trustOnly(registry) });
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toContain("[REGISTRY_UNAUTHORIZED]");
    expect((await crane(["ls", `${registry.host}/team/hello`], { registry })).stdout.trim()).toBe("1");
    const read = await anyarch(["inspect", reference], { env: { ...workspace.env, ...trustOnly(registry) } });
    expect(read, read.stderr).toMatchObject({ code: 0 });
  });

  it("004-11 logs in to ghcr.io with GITHUB_TOKEN, through a proxy, and to no other registry", async () => {
    await using github = await startRegistry({ tls: true, auth: "bearer", hosts: ["ghcr.io"] });
    await using proxy = await startConnectProxy({ "ghcr.io:443": github.host });
    const actions = { GITHUB_ACTOR: github.username, GITHUB_TOKEN: github.password, HTTPS_PROXY: proxy.url };
    const env = { ...trustOnly(github), ...actions, NO_PROXY: "localhost,127.0.0.1" };
    const pushed = await push("ghcr.io/acme/hello:1", { env });
    expect(pushed, pushed.stderr).toMatchObject({ code: 0 });
    expect(pushed.stdout).toContain("ghcr.io/acme/hello:1");
    expect(pushed.stdout + pushed.stderr).not.toContain(github.password);
    expect(proxy.targets).toContain("ghcr.io:443");
    expect(
      github.tokenRequests().every(({ user, status }) => user === github.username && status === 200),
    ).toBe(true);
    await crane(["validate", "--remote", `${github.host}/acme/hello:1`], { registry: github });

    // Another registry would take the same user and password, but isn't offered them.
    const before = github.tokenRequests().length;
    const other = await push(`${github.host}/acme/hello:2`, { env });
    expect(other).toMatchObject({ code: 4, stdout: "" });
    expect(other.stderr).toContain("anonymous access");
    // Nor where ghcr.io is only the name of a mirror elsewhere.
    const toml = readFileSync(join(hello, "anyarch.toml"), "utf8");
    const config = join(workspace.path, "mirror.toml");
    writeFileSync(config, `${toml}[registries."ghcr.io"]\nlocation = "${github.host}"\n`);
    const moved = await push("ghcr.io/acme/hello:3", { env }, "--config", config);
    expect(moved).toMatchObject({ code: 4, stdout: "" });
    const later = github.tokenRequests().slice(before);
    expect(later.map(({ user }) => user)).toEqual(later.map(() => undefined));
    expect(later.length).toBeGreaterThan(0);
  });
});
