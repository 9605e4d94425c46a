import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lacksPlatform } from "../../../src/buildkit/lacking-platform.ts";
import { createContext } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { formatPlatform, parsePlatform } from "../../../src/oci/platform.ts";
import { startBuildkitd, type Buildkitd } from "../../engines/buildkitd.ts";
import { createAuthority } from "../../engines/certificates.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { makeSshClient, startSshd } from "../../engines/sshd.ts";
import { describeWith } from "../../engines/suites.ts";
import { failures, farmOf, userHost } from "./farm-fixture.ts";
import { plainSolve } from "../../../src/buildkit/solve.ts";

const needed = ["buildkit", "buildx", "sshd", "openssl", "qemu"] as const;
const engines = await ensureEngines([...needed, "dockerd"]);
const clients = ["buildx", "buildctl"] as const;

let home: TempDir;
let amd64: Buildkitd;
let arm64: Buildkitd;

beforeAll(async () => {
  home = await makeTempDir();
  if (engines.without(...needed) !== undefined) return;
  [amd64, arm64] = await Promise.all([
    startBuildkitd(),
    startBuildkitd({ architecture: "arm64", listen: "tcp-tls" }),
  ]);
}, 60_000);

afterAll(async () => {
  await Promise.all([amd64?.stop(), arm64?.stop()]);
  await home[Symbol.asyncDispose]();
});

function withTls({ address, caFile, clientCert, clientKey }: Buildkitd): string {
  return `${address}?ca=${caFile}&cert=${clientCert}&key=${clientKey}`;
}

/** The processes that were started with a word in their command line. */
async function processesWith(word: string): Promise<string> {
  return (await run("pgrep", ["-af", word], { anyExit: true })).stdout;
}

/** Runs something with a folder for temporary files of its own; what is left in it at the end. */
async function leftBy(work: () => Promise<void>): Promise<readonly string[]> {
  const before = process.env["TMPDIR"];
  const own = await makeTempDir();
  process.env["TMPDIR"] = own.path;
  try {
    await work();
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
  const left = await readdir(own.path);
  await own[Symbol.asyncDispose]();
  return left;
}

describeWith(engines, needed, "a farm", () => {
  it.each(clients)(
    "000-16 001-06 learns by a build what each node is natively and can run (%s)",
    async (backend) => {
      await using farm = await farmOf(userHost(engines, home.path), {
        builders: [amd64.address, `linux/arm64=${withTls(arm64)}`],
        platforms: ["linux/amd64", "linux/386", "linux/arm64"],
        options: { backend },
      });
      expect(failures(farm)).toEqual([]);
      expect(farm.backend.name).toBe(backend);
      expect(farm.nodes.map(({ facts }) => formatPlatform(facts.native))).toEqual([
        "linux/amd64",
        "linux/arm64",
      ]);
      const [first, second] = farm.nodes;
      expect(first?.facts.platforms.map(formatPlatform)).toEqual(
        expect.arrayContaining(["linux/amd64", "linux/386", "linux/arm64"]),
      );
      // Shown by a program that ran, not by the list.
      expect(first?.facts.nativeToo?.map(formatPlatform)).toEqual(["linux/386"]);
      expect(second?.facts.platforms.map(formatPlatform)[0]).toBe("linux/arm64");
      expect(second?.facts).toMatchObject({ version: "v0.26.3", pushByDigest: true });
    },
    60_000,
  );

  it("sees that 32-bit arm on an arm64 node is emulated where QEMU runs it", async () => {
    await using node = await startBuildkitd({
      architecture: "arm64",
      platforms: ["linux/arm64", "linux/arm/v7"],
    });
    await using farm = await farmOf(userHost(engines, home.path), {
      builders: [node.address],
      platforms: ["linux/arm/v7"],
      options: { backend: "buildctl", probeTimeoutMs: 30_000 },
    });
    expect(failures(farm)).toEqual([]);
    expect(farm.nodes[0]?.facts.platforms.map(formatPlatform)).toContain("linux/arm/v7");
    expect(farm.nodes[0]?.facts.nativeToo).toBeUndefined();
  }, 60_000);

  it.each(clients)(
    "000-15 builds on the node that is named for a platform (%s)",
    async (backend) => {
      const context = join(home.path, `context-${backend}`);
      await mkdir(context);
      const steps = ["FROM scratch", "ARG BUILDPLATFORM TARGETPLATFORM", "COPY <<E /on"];
      await writeFile(
        join(context, "Dockerfile"),
        [...steps, "$TARGETPLATFORM on $BUILDPLATFORM", "E", ""].join("\n"),
      );
      const host = userHost(engines, home.path);
      await using farm = await farmOf(host, {
        builders: [`linux/arm64=${withTls(arm64)}`, `linux/amd64=${amd64.address}`],
        platforms: ["linux/amd64", "linux/arm64"],
        options: { backend },
      });
      for (const [index, platform] of ["linux/arm64", "linux/amd64"].entries()) {
        const directory = join(home.path, `layout-${backend}-${index}`);
        const command = farm.nodes[index]?.command({
          platform: parsePlatform(platform),
          context,
          dockerfile: join(context, "Dockerfile"),
          namedContexts: { more: home.path },
          buildArgs: { A: "1" },
          labels: { "org.example.label": "a, b" },
          annotations: { "org.example.annotation": 'a, "b"' },
          secrets: [],
          ssh: [],
          cacheFrom: [],
          cacheTo: [],
          noCache: false,
          pull: false,
          sourceDateEpoch: 1,
          delivery: { kind: "layout", directory },
          metadataFile: join(home.path, `metadata-${backend}-${index}.json`),
        });
        if (command === undefined) throw new Error("no node");
        const result = await host.exec(command.program, command.args, { env: command.env });
        expect(result.code, result.stderr).toBe(0);
        expect(result.stderr).toContain('"vertexes"');
        const metadata = await readFile(join(home.path, `metadata-${backend}-${index}.json`), "utf8");
        const { "containerimage.digest": digest } = JSON.parse(metadata) as Record<string, string>;
        const blobs = join(directory, "blobs/sha256");
        const texts = await Promise.all(
          (await readdir(blobs)).map((name) => readFile(join(blobs, name), "utf8")),
        );
        expect(texts.some((text) => text.includes('"org.example.annotation": "a, \\"b\\""'))).toBe(true);
        expect(texts.some((text) => text.includes('"org.example.label":"a, b"'))).toBe(true);
        // Provenance says the same with both clients: an index of manifest and attestation.
        const indexText = await readFile(join(blobs, (digest ?? "").slice("sha256:".length)), "utf8");
        expect(indexText).toContain("attestation-manifest");
        expect(texts.some((text) => text.includes('"created":"1970-01-01T00:00:01Z"'))).toBe(true);
      }
    },
    60_000,
  );

  it("001-05 001-07 makes its builders anew each time, and leaves the user's alone", async () => {
    const host = userHost(engines, home.path);
    const buildx = (...args: readonly string[]): Promise<{ stdout: string }> =>
      run(engines.program("docker-buildx"), args, { env: host.env });
    await buildx("create", "--name", "mine", "--driver", "remote", "--use", amd64.address);
    const current = (await buildx("ls")).stdout;
    expect(current).toContain("mine*");
    for (let round = 0; round < 2; round++) {
      await using farm = await farmOf(host, { builders: [amd64.address], options: { backend: "buildx" } });
      expect(failures(farm)).toEqual([]);
    }
    expect((await buildx("ls")).stdout).toBe(current);
    // Found by itself, and as it is.
    await using found = await farmOf(host, { builders: [], options: { backend: "buildx" } });
    expect(found.nodes.map(({ spec }) => [spec.name, spec.origin])).toEqual([["mine", "found"]]);
    // Each node of a builder with several is one of ours.
    const tls = [`cacert=${arm64.caFile}`, `cert=${arm64.clientCert}`, `key=${arm64.clientKey}`].join(",");
    const more = ["--append", "--driver-opt", tls, "--node", "arm", arm64.address];
    await buildx("create", "--name", "mine", "--driver", "remote", ...more);
    await using both = await farmOf(host, { builders: ["mine"], options: { backend: "buildx" } });
    expect(failures(both)).toEqual([]);
    expect(both.nodes.map(({ spec, facts }) => [spec.name, formatPlatform(facts.native)])).toEqual([
      ["mine/mine0", "linux/amd64"],
      ["mine/arm", "linux/arm64"],
    ]);
    await buildx("rm", "mine");
    // One that is gone is told so at once, and not after buildx's 20 s.
    await buildx("create", "--name", "gone", "--driver", "remote", "tcp://127.0.0.1:1");
    await using without = await farmOf(host, { builders: [], options: { backend: "buildx" } });
    expect(failures(without)).toEqual([
      "BUILDER_UNREACHABLE: gone can't be reached: the connection was refused.",
    ]);
    expect(without.nodes).toEqual([]);
    await buildx("rm", "gone");
  }, 60_000);

  it("001-08 names what each builder can run, where none can build a platform", async () => {
    await using farm = await farmOf(userHost(engines, home.path), {
      builders: [`linux/amd64,linux/s390x=${amd64.address}`, `linux/arm64=${withTls(arm64)}`],
      platforms: ["linux/s390x"],
      options: { backend: "buildctl" },
    });
    const { code, message } = lacksPlatform(parsePlatform("linux/s390x"), farm, true);
    expect(code).toBe("BUILDER_LACKS_PLATFORM");
    expect(message).toContain(`${amd64.address} is linux/amd64 and can run linux/amd64`);
    expect(message).toContain("is linux/arm64, was named for linux/arm64 only, and can run linux/arm64");
  });
});

describeWith(engines, [...needed, "dockerd"], "a node that doesn't let us in", () => {
  it("000-16 is told from others by what is wrong with its socket or certificate", async () => {
    const authority = await createAuthority(join(home.path, "stranger"));
    const stranger = await authority.issue("stranger");
    const tls = (ca: string | undefined, cert: string | undefined, key: string | undefined): string =>
      `${arm64.address}?ca=${ca}&cert=${cert}&key=${key}`;
    const own = tls(arm64.caFile, arm64.clientCert, arm64.clientKey);
    const builders = [
      "unix:///nonexistent/buildkitd.sock",
      "tcp://127.0.0.1:1",
      arm64.address,
      tls(authority.caFile, arm64.clientCert, arm64.clientKey),
      `${own}&servername=elsewhere.example`,
      tls(arm64.caFile, stranger.certificateFile, stranger.keyFile),
      `${arm64.address}?ca=${arm64.caFile}`,
      "docker-container://nonexistent",
    ];
    await using farm = await farmOf(userHost(engines, home.path), {
      builders,
      options: { backend: "buildx", probeTimeoutMs: 3000 },
    });
    expect(
      failures(farm).map((text) => text.replaceAll(arm64.address, "tcp://ARM").replace(/\?\S*/, "")),
    ).toEqual([
      "BUILDER_UNREACHABLE: unix:///nonexistent/buildkitd.sock can't be reached: there is no such socket.",
      "BUILDER_UNREACHABLE: tcp://127.0.0.1:1 can't be reached: the connection was refused.",
      "BUILDER_UNREACHABLE: tcp://ARM can't be reached: something takes the connection but doesn't greet as BuildKit does within 3 s.",
      "BUILDER_UNTRUSTED: tcp://ARM (2) can't be used: its TLS certificate is signed by an authority that isn't known.",
      "BUILDER_UNTRUSTED: tcp://ARM (3) can't be used: its TLS certificate is for another name.",
      "BUILDER_UNAUTHORIZED: tcp://ARM (4) can't be used: it refuses the client's TLS certificate, or misses one.",
      "BUILDER_UNAUTHORIZED: tcp://ARM (5) can't be used: it refuses the client's TLS certificate, or misses one.",
      "BUILDER_UNREACHABLE: docker-container://nonexistent can't be used: no Docker daemon answers.",
    ]);
    expect(farm.unreachable.every(({ error }) => (error.hint ?? "").length > 10)).toBe(true);
  }, 30_000);

  it("is told when its certificate has expired", async () => {
    const directory = join(home.path, "expired");
    const authority = await createAuthority(directory);
    const { keyFile } = await authority.issue("old");
    const dates = ["-not_before", "20200101000000Z", "-not_after", "20200201000000Z"];
    const signer = ["-CA", authority.caFile, "-CAkey", join(directory, "ca.key"), "-CAcreateserial"];
    const input = ["-in", join(directory, "old.csr"), "-extfile", join(directory, "old.ext")];
    const certificate = join(directory, "expired.pem");
    const signed = await run(
      engines.program("openssl"),
      ["x509", "-req", ...input, ...signer, ...dates, "-out", certificate],
      { anyExit: true },
    );
    // OpenSSL before 3.4 has no dates for x509: a certificate that ended yesterday does as well.
    if (signed.code !== 0)
      await run(engines.program("openssl"), [
        "x509",
        "-req",
        ...input,
        ...signer,
        "-days",
        "-1",
        "-out",
        certificate,
      ]);
    await using node = await startBuildkitd({
      listen: "tcp",
      configuration: `[grpc.tls]\ncert = "${certificate}"\nkey = "${keyFile}"\n`,
    });
    for (const backend of clients) {
      await using farm = await farmOf(userHost(engines, home.path), {
        builders: [`${node.address}?ca=${authority.caFile}`],
        options: { backend },
      });
      expect(failures(farm)[0]).toMatch(/^BUILDER_UNTRUSTED: .*its TLS certificate has expired\.$/);
    }
  }, 30_000);

  it("000-15 000-16 is used over ssh, or says that key, host or programs are wrong", async () => {
    const commandEnvironment = {
      BUILDKIT_HOST: arm64.address,
      PATH: [amd64.path, process.env["PATH"]].join(":"),
    };
    await using host = await startSshd({
      commandEnvironment: { ...commandEnvironment, BUILDKIT_HOST: amd64.address },
    });
    await using bare = await startSshd({ commandEnvironment: { PATH: "/usr/bin:/bin" } });
    await using client = await makeSshClient({ "arm.test": host, "bare.test": bare });
    await using unknown = await makeSshClient({ "arm.test": host }, { knownHosts: [] });
    const changedKey = host.knownHost.replace(/\S+$/, bare.knownHost.split(" ")[2] ?? "");
    await using changed = await makeSshClient({ "arm.test": host }, { knownHosts: [changedKey] });
    const user = (path: string): ReturnType<typeof userHost> =>
      userHost(engines, home.path, { PATH: [path, engines.path, process.env["PATH"]].join(":") });
    for (const backend of clients) {
      await using farm = await farmOf(user(client.path), {
        builders: ["ssh://arm.test", "ssh://bare.test", "ssh://nobody@arm.test", "ssh://127.0.0.1:1"],
        options: { backend },
      });
      expect(farm.nodes.map(({ spec, facts }) => [spec.name, formatPlatform(facts.native)])).toEqual([
        ["ssh://arm.test", "linux/amd64"],
      ]);
      expect(failures(farm)).toEqual([
        expect.stringMatching(/^BUILDER_UNREACHABLE: ssh:\/\/bare\.test/),
        "BUILDER_UNAUTHORIZED: ssh://nobody@arm.test can't be used: it accepts none of the SSH keys.",
        "BUILDER_UNREACHABLE: ssh://127.0.0.1:1 can't be used: the connection was refused.",
      ]);
    }
    await using strange = await farmOf(user(unknown.path), { builders: ["ssh://arm.test"] });
    expect(failures(strange)).toEqual([
      "BUILDER_UNTRUSTED: ssh://arm.test can't be used: its SSH host key isn't known here.",
    ]);
    await using swapped = await farmOf(user(changed.path), { builders: ["ssh://arm.test"] });
    expect(failures(swapped)[0]).toContain(
      "BUILDER_UNTRUSTED: ssh://arm.test can't be used: its SSH host key isn't the one that is known",
    );
  }, 60_000);
});

describeWith(engines, needed, "a node that hangs or goes", () => {
  it("is given up in time, and Ctrl-C leaves no process", async () => {
    await using node = await startBuildkitd({ listen: "tcp" });
    const host = userHost(engines, home.path);
    await using farm = await farmOf(host, { builders: [node.address], options: { backend: "buildx" } });
    const [first] = farm.nodes;
    if (first === undefined) throw new Error(failures(farm).join("\n"));
    const ctx = createContext(host);
    expect(await farm.lost(first, ctx)).toBeUndefined();
    process.kill(node.pid, "SIGSTOP");
    try {
      const start = performance.now();
      const late = await farm.lost(first, ctx);
      expect(late?.code).toBe("BUILDER_UNREACHABLE");
      expect(performance.now() - start).toBeLessThan(5000);
      const stop = new AbortController();
      setTimeout(() => stop.abort(new DOMException("stopped", "AbortError")), 300);
      const left = await leftBy(() =>
        expect(
          farmOf(host, { builders: [node.address, "ssh://192.0.2.1"], signal: stop.signal }),
        ).rejects.toThrow("stopped"),
      );
      expect(left).toEqual([]);
      expect(await processesWith("192\\.0\\.2\\.1")).toBe("");
    } finally {
      process.kill(node.pid, "SIGCONT");
    }
    expect(await farm.lost(first, ctx)).toBeUndefined();
    await node.kill();
    expect((await farm.lost(first, ctx))?.message).toContain("can't be reached: the connection was ");
  }, 60_000);

  it("keeps given credentials to itself: no command line, no file after the end", async () => {
    const host = userHost(engines, home.path);
    const credentials = { "reg.test": { username: "u", password: "s3cr3t-word" } };
    const left = await leftBy(async () => {
      await using farm = await farmOf(host, { builders: [amd64.address], options: { credentials } });
      const command = farm.nodes[0]?.command({
        platform: parsePlatform("linux/amd64"),
        context: home.path,
        dockerfile: join(home.path, "Dockerfile"),
        ...plainSolve,
        delivery: { kind: "none" },
        metadataFile: join(home.path, "m.json"),
      });
      expect(JSON.stringify(command)).not.toContain("s3cr3t");
      const directory = command?.env["DOCKER_CONFIG"] ?? "";
      const config = JSON.parse(await readFile(join(directory, "config.json"), "utf8")) as {
        auths: Record<string, { auth: string }>;
      };
      expect(Buffer.from(config.auths["reg.test"]?.auth ?? "", "base64").toString()).toBe("u:s3cr3t-word");
      expect((await stat(join(directory, "config.json"))).mode & 0o077).toBe(0);
    });
    expect(left).toEqual([]);
  });
});
