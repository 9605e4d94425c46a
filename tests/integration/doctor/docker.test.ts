import { chmod, mkdir, symlink, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { loadBuildkitImage } from "../../engines/buildkit-image.ts";
import { startBuildkitd } from "../../engines/buildkitd.ts";
import { startDockerd, type Docker } from "../../engines/dockerd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { registerQemu } from "../../engines/qemu.ts";
import { makeSshClient, startSshd } from "../../engines/sshd.ts";
import { describeWith } from "../../engines/suites.ts";
import { openSshProbe } from "../../../src/doctor/ssh-probe.ts";
import { createContext } from "../../../src/host/node-host.ts";
import { userHost } from "../buildkit/farm-fixture.ts";
import { behindShell, diagnose, finding, findings, onHost, patientOf, repairAll } from "./fixture.ts";

const needed = ["buildkit", "buildx", "dockerd", "qemu", "openssl", "busybox"] as const;
const engines = await ensureEngines([...needed, "sshd"]);

let temp: TempDir;
let docker: Docker;

beforeAll(async () => {
  temp = await makeTempDir();
  if (engines.without(...needed) !== undefined) return;
  await registerQemu();
  docker = await startDockerd({ store: "classic" });
  await loadBuildkitImage(docker);
}, 60_000);

afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await temp[Symbol.asyncDispose]();
});

/** A user with an empty home, before the classic Docker. */
async function user(name: string, env: Record<string, string> = {}): Promise<ReturnType<typeof userHost>> {
  const home = join(temp.path, name);
  await mkdir(join(home, ".docker"), { recursive: true });
  const address = docker.env["DOCKER_HOST"] ?? "";
  return userHost(engines, home, {
    DOCKER_HOST: address,
    ANYARCH_BUILDKIT_DRIVER_OPTS: "network=host",
    // The real image can't be had here, and finding that out takes long.
    ANYARCH_BINFMT_IMAGE: "127.0.0.1:1/installer:none",
    ...env,
  });
}

describeWith(engines, needed, "a machine with Docker", () => {
  it("001-01 001-02 001-04 001-05 001-06 001-08 001-10 003-02 with the classic store gets a builder, and keeps its current one", async () => {
    const host = await user("classic");
    const ill = onHost(host);
    const report = await diagnose(ill);
    expect(finding(report, "containerd-store")).toMatch(
      /^fail the classic store \(\w+\); the builder default has the docker driver/,
    );
    expect(finding(report, "platform")).toContain(
      "fail linux/arm64: default (docker driver) can build linux/arm64, but only one platform at a time",
    );
    expect(finding(report, "builders")).toMatch(
      /^ok default: docker at default, current, .*linux\/amd64\/v2, linux\/amd64\/v3/,
    );
    expect(finding(report, "docker-server")).toMatch(/^ok Docker 2\d\.\S+ at unix:/);
    expect(finding(report, "docker-architecture")).toMatch(
      /^ok server linux\/amd64 \(kernel x86_64\), containers linux\/amd64/,
    );

    const healed = await repairAll(ill);
    expect(healed.repairs).toMatchObject([{ key: "create-builder", status: "repaired" }]);
    const [repair] = healed.repairs ?? [];
    expect(repair?.commands[0]).toContain(
      "create --name anyarch --driver docker-container --platform linux/amd64,linux/arm64",
    );
    expect(repair?.undo).toEqual([expect.stringMatching(/ rm anyarch$/)]);
    expect(finding(healed, "platform")).toBe(
      "ok linux/amd64: anyarch (docker-container) builds it natively\nok linux/arm64: anyarch (docker-container) builds it by emulation",
    );
    expect(finding(healed, "containerd-store")).toMatch(/^ok /);
    expect(healed.ok).toBe(true);
    const buildx = engines.program("docker-buildx");
    const list = (await run(buildx, ["ls"], { env: host.env })).stdout;
    expect(list).toMatch(/^default\*/m);
    expect(list).toMatch(/^anyarch /m);
    const containers = (await docker.run(["ps", "-aq", "--no-trunc"])).stdout;

    const again = await repairAll(ill);
    expect(again.repairs).toEqual([]);
    expect((await docker.run(["ps", "-aq", "--no-trunc"])).stdout).toBe(containers);
    // It is there, but not for all that is asked now: made anew rather than failing on its name.
    const platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    const more = await repairAll(onHost(host, { platforms }), () => false);
    expect(more.repairs?.find(({ key }) => key === "create-builder")?.commands[0]).toMatch(
      / rm --force anyarch$/,
    );
    for (const line of repair?.undo ?? []) await run("sh", ["-c", line], { env: host.env });
  }, 120_000);

  it("001-01 001-02 001-14 without the platform in any builder names it, and what can be built without", async () => {
    const report = await diagnose(onHost(await user("lacking"), { platforms: ["linux/s390x"] }));
    expect(report.ok).toBe(false);
    expect(finding(report, "platform")).toMatch(
      /^fail linux\/s390x: no builder has linux\/s390x: default \(docker\) has linux\/amd64, linux\/amd64\/v2/,
    );
    const two = await diagnose(onHost(await user("lacking"), { platforms: ["linux/amd64", "linux/s390x"] }));
    const lacking = findings(two, "platform").find(({ subject }) => subject === "linux/s390x");
    expect(lacking?.why).toContain(
      "Or build only what runs here now (--platform linux/amd64) and add linux/s390x when there is a machine for it",
    );
    // As the real one does: it ends with 0, whatever it could do.
    const folder = join(temp.path, "installer");
    await mkdir(folder);
    await run("cp", [join(engines.root("busybox"), "amd64/bin/busybox"), folder]);
    await run("tar", ["-C", folder, "-cf", join(temp.path, "installer.tar"), "busybox"]);
    const change = ["--change", 'ENTRYPOINT ["/busybox", "true"]'];
    await docker.run(["import", ...change, join(temp.path, "installer.tar"), "installer:lies"]);
    const lying = await user("lied-to", { ANYARCH_BINFMT_IMAGE: "installer:lies" });
    const believed = await repairAll(onHost(lying, { platforms: ["linux/s390x"] }));
    expect(believed.repairs?.find(({ key }) => key === "register-s390x")).toMatchObject({
      status: "failed",
      output: expect.stringMatching(/^The commands ended well, and the fault is still there\./) as string,
    });
    const tried = await repairAll(onHost(await user("lacking"), { platforms: ["linux/s390x"] }));
    expect(tried.repairs?.find(({ key }) => key === "register-s390x")).toMatchObject({ status: "failed" });
    expect(tried.ok).toBe(false);
  }, 120_000);

  it("001-02 001-08 with a builder that promises a platform that doesn't run there isn't taken in", async () => {
    const host = await user("promise");
    const buildx = engines.program("docker-buildx");
    const create =
      "create --name claims --driver docker-container --driver-opt network=host --bootstrap --platform";
    await run(buildx, [...create.split(" "), "linux/amd64,linux/s390x"], { env: host.env });
    const report = await diagnose(onHost(host, { platforms: ["linux/amd64", "linux/s390x"] }));
    await run(buildx, ["rm", "claims"], { env: host.env });
    expect(finding(report, "builders")).toContain("linux/s390x");
    expect(finding(report, "builder-stale")).toBe(
      "warn claims: it lists linux/s390x, but programs of it don't run there",
    );
    expect(findings(report, "builder-stale")[0]?.fix).toMatchObject({ automatic: false });
    expect(finding(report, "platform")).toMatch(
      /^ok linux\/amd64: claims \(docker-container\) builds it natively\nfail linux\/s390x: no builder has linux\/s390x/,
    );
  });

  it("with a builder that is gone names it, and leaves it to its owner", async () => {
    const host = await user("down");
    const buildx = engines.program("docker-buildx");
    await run(buildx, ["create", "--name", "gone", "--driver", "remote", "tcp://127.0.0.1:1"], {
      env: host.env,
    });
    await run(buildx, ["create", "--name", "anyarch", "--driver", "remote", "tcp://127.0.0.1:2"], {
      env: host.env,
    });
    const report = await diagnose(onHost(host));
    // One of that name that doctor didn't make isn't taken away.
    expect(findings(report, "platform")[0]?.fix).toMatchObject({ key: "create-builder", automatic: false });
    expect(finding(report, "builder-down")).toMatch(/^warn gone: gone can't be reached/m);
    expect(findings(report, "builder-down")[0]?.fix).toMatchObject({ automatic: false });
    expect(finding(report, "builder-down")).not.toContain("default");
  });

  it("001-05 with a builder of ours whose Docker is gone makes it anew", async () => {
    const host = await user("moved");
    const buildx = engines.program("docker-buildx");
    const create = "create --name anyarch --use --driver docker-container --platform linux/amd64,linux/arm64";
    const moved = join(temp.path, "moved.sock");
    await symlink(docker.socket, moved);
    await run(buildx, [...create.split(" "), `unix://${moved}`], { env: host.env });
    await unlink(moved);
    const ill = onHost(host);
    const report = await diagnose(ill);
    expect(finding(report, "builder-down")).toMatch(/^warn anyarch: Cannot connect/);
    const healed = await repairAll(ill);
    expect(healed.repairs).toMatchObject([{ key: "create-builder", status: "repaired" }]);
    expect(healed.repairs?.[0]?.commands[0]).toMatch(/ rm --force anyarch \|\| true$/);
    expect(healed.ok).toBe(true);
    // Its user had chosen it, and still has.
    expect((await run(buildx, ["ls"], { env: host.env })).stdout).toMatch(/^anyarch\* /m);
    expect((await repairAll(ill)).repairs).toEqual([]);
    await run(buildx, ["rm", "anyarch"], { env: host.env });
  }, 60_000);

  it("without buildx says so", async () => {
    const bin = join(temp.path, "only-docker");
    await mkdir(bin);
    await symlink(engines.program("docker"), join(bin, "docker"));
    const host = await user("no-buildx", { PATH: `${bin}:/usr/bin:/bin` });
    const report = await diagnose(onHost(host));
    expect(finding(report, "buildx")).toBe("fail docker is there, buildx isn't");
    expect(finding(report, "docker-client")).toMatch(/^ok docker 2\d/);
    expect(report.ok).toBe(false);
  });

  it("001-10 whose socket isn't for this user is told from one without a socket, and is never opened to all", async () => {
    const own = await makeTempDir("/tmp", "anyarch-socket-");
    await chmod(own.path, 0o755);
    const socket = join(own.path, "docker.sock");
    const server = createServer().listen(socket);
    await new Promise((done) => server.once("listening", done));
    await chmod(socket, 0o600);
    // The command itself, where a user without rights can read it.
    await run("cp", ["-L", engines.program("docker"), join(own.path, "docker")], { anyExit: true });
    const env = {
      PATH: `${own.path}:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: "/nonexistent",
      DOCKER_HOST: `unix://${socket}`,
    };
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh"] as const;
    const host = createNodeHost({ env, cwd: "/" });
    const report = await diagnose(behindShell(host, nobody, { env: { DOCKER_HOST: env.DOCKER_HOST } }));
    expect(finding(report, "docker-server")).toBe(`fail this user may not open unix://${socket}`);
    const fix = findings(report, "docker-server")[0]?.fix;
    expect(fix?.commands[0]).toMatch(/^sudo usermod -aG docker /);
    expect(JSON.stringify(report)).not.toContain("chmod");
    server.close();
    const gone = { ...env, DOCKER_HOST: "unix:///nonexistent/docker.sock" };
    const other = await diagnose(
      behindShell(createNodeHost({ env: gone, cwd: "/" }), nobody, {
        env: { DOCKER_HOST: gone.DOCKER_HOST },
      }),
    );
    expect(finding(other, "docker-server")).toMatch(
      /^fail (?:there is no socket at unix:\/\/\/nonexistent|unix:\/\/\/nonexistent\S+ isn't in this container)/,
    );
    await own[Symbol.asyncDispose]();
  });

  it("whose credential helper is missing, and whose clock is off, is told so", async () => {
    const host = await user("helper");
    await writeFile(
      join(temp.path, "helper/.docker/config.json"),
      JSON.stringify({ credsStore: "desktop.exe", credHelpers: { "a.example": "pass" } }),
    );
    const late = createServer((_request, response) => {
      response.setHeader("date", new Date(Date.now() + 600_000).toUTCString());
      response.end();
    }).listen(0, "127.0.0.1");
    await new Promise((done) => late.once("listening", done));
    const registry = `127.0.0.1:${(late.address() as AddressInfo).port}`;
    const report = await diagnose(onHost(host, { registries: [registry] }));
    late.close();
    expect(finding(report, "registry-credentials")).toBe(
      "warn desktop.exe: docker-credential-desktop.exe isn't in PATH\nwarn pass: docker-credential-pass isn't in PATH",
    );
    expect(finding(report, "clock")).toMatch(/^warn (?:599|60[01]) s behind 127\.0\.0\.1/);
    expect(finding(await diagnose(onHost(host, { registries: ["127.0.0.1:1"] })), "clock")).toMatch(/^skip /);
  });
});

describeWith(engines, [...needed, "sshd"], "another machine", () => {
  it("is examined by ssh, with one login", async () => {
    await using node = await startBuildkitd();
    await using server = await startSshd({
      commandEnvironment: {
        PATH: `${engines.path}:/usr/bin:/bin:/usr/sbin:/sbin`,
        BUILDKIT_HOST: node.address,
      },
    });
    await using client = await makeSshClient({ far: server });
    const home = join(temp.path, "ssh");
    await mkdir(home);
    const host = userHost(engines, home, {
      PATH: `${client.path}:${engines.path}:${process.env["PATH"] ?? ""}`,
    });
    const ctx = createContext(host);
    const target = `ssh://${server.user}@far`;
    {
      await using probe = await openSshProbe(target, ctx);
      const report = await diagnose({ patient: patientOf(probe, {}), ctx });
      expect(report.target).toBe(target);
      expect(finding(report, "ssh")).toMatch(/^ok ssh:\/\/\S+: BuildKit answers there/);
      expect(finding(report, "platform")).toBe(
        "ok linux/amd64: buildkitd (buildctl) builds it natively\nok linux/arm64: buildkitd (buildctl) builds it by emulation",
      );
      expect(finding(report, "container")).toContain("linux x86_64");
      expect(finding(report, "foreign-run")).toBe(
        "ok linux/arm64: a program for linux/arm64 ran and ended with 0",
      );
      expect(finding(report, "node")).toMatch(/^skip/);
    }
    const logins = (await server.log()).match(/Accepted publickey/g) ?? [];
    expect(logins).toHaveLength(1);
    await expect(openSshProbe("ssh://nobody@far", ctx)).rejects.toMatchObject({
      code: "BUILDER_UNAUTHORIZED",
    });
    await expect(openSshProbe("tcp://far:1", ctx)).rejects.toMatchObject({ code: "BUILDER_INVALID" });
  });
});
