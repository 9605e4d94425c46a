import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import {
  type BinfmtNamespace,
  startBinfmtNamespace,
  whyNoBinfmtNamespace,
} from "../../engines/binfmt-namespace.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { behindShell, type Case, diagnose, finding, findings, repairAll } from "./fixture.ts";

const engines = await ensureEngines(["qemu", "busybox"]);
const missing =
  engines.without("qemu", "busybox") ??
  (process.arch === "x64" ? await whyNoBinfmtNamespace() : "not x86-64");

let temp: TempDir;
/** The machine's own table: no test may change it. */
let before: string;
const own = async (): Promise<string> =>
  (
    await run(
      "sh",
      ["-c", "cd /proc/sys/fs/binfmt_misc && for f in *; do [ $f = register ] || cat $f; done"],
      { anyExit: true },
    )
  ).stdout;

beforeAll(async () => {
  temp = await makeTempDir();
  before = await own();
});
afterAll(async () => {
  expect(await own()).toBe(before);
  await temp[Symbol.asyncDispose]();
});

const qemu = (): string => join(engines.root("qemu"), "usr/bin/qemu-aarch64-static");
const magic = (cpu: string): string =>
  String.raw`\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x` +
  cpu +
  String.raw`\x00`;
const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;
/** A line of shell that registers an interpreter for arm64. */
const entry = (interpreter: string, flags: string, { name = "qemu-aarch64", cpu = "b7" } = {}): string =>
  `printf %s ':${name}:M::${magic(cpu)}:${mask}:${interpreter}:${flags}' > /proc/sys/fs/binfmt_misc/register`;

/** A machine whose PATH has qemu-aarch64-static only where `withQemu`; docker isn't in it. */
async function machine(
  namespace: BinfmtNamespace,
  { withQemu = true, unprivileged = false, env = {}, platforms = ["linux/amd64", "linux/arm64"] } = {},
): Promise<Case> {
  const bin = join(temp.path, withQemu ? "with-qemu" : "without");
  await mkdir(bin, { recursive: true });
  if (withQemu) await symlink(qemu(), join(bin, "qemu-aarch64-static")).catch(() => {});
  const host = createNodeHost({
    env: { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: temp.path },
    cwd: temp.path,
  });
  return behindShell(host, unprivileged ? namespace.unprivileged : namespace.command, { env, platforms });
}

/** `--fix` repairs the named check, a program for arm64 runs, and a second run finds nothing and changes nothing. */
async function expectRepaired(ill: Case, namespace: BinfmtNamespace, check: string): Promise<void> {
  const healed = await repairAll(ill);
  expect(healed.repairs?.map(({ status }) => status)).not.toContain("failed");
  expect(finding(healed, check)).toMatch(/^ok /);
  expect(finding(healed, "foreign-run")).toBe(
    "ok linux/arm64: a program for linux/arm64 ran and ended with 0",
  );
  expect(finding(healed, "binfmt-flags")).toMatch(/^ok linux\/arm64: flags \w*F/);
  const table = await namespace.table();
  const again = await repairAll(ill);
  expect(again.repairs).toEqual([]);
  expect(await namespace.table()).toBe(table);
}

describe.skipIf(missing !== undefined)(
  `a machine's table of interpreters ${missing === undefined ? "" : `(without ${missing})`}`,
  () => {
    it("001-03 001-12 001-13 that isn't mounted is mounted, and QEMU registered with F", async () => {
      await using namespace = await startBinfmtNamespace({ mounted: false });
      const ill = await machine(namespace);
      const report = await diagnose(ill);
      expect(finding(report, "binfmt-mounted")).toBe("fail nothing is mounted at /proc/sys/fs/binfmt_misc");
      expect(finding(report, "binfmt-handler")).toBe("fail linux/arm64: no table, so no entry");
      expect(report.ok).toBe(false);
      expect(findings(report, "binfmt-mounted")[0]?.fix?.why).toContain("Mounting loads the kernel's module");
      await expectRepaired(ill, namespace, "binfmt-mounted");
    });

    it("001-12 001-17 without an entry gets one, by commands that can be seen first", async () => {
      await using namespace = await startBinfmtNamespace();
      const ill = await machine(namespace);
      const report = await diagnose(ill);
      expect(finding(report, "binfmt-handler")).toBe("fail linux/arm64: no entry matches its programs");
      expect(finding(report, "foreign-run")).toMatch(/^fail linux\/arm64: exec format error/);
      const declined = await repairAll(ill, (plan) => {
        expect(plan.map(({ key }) => key)).toEqual(["register-aarch64"]);
        expect(plan[0]?.commands).toHaveLength(1);
        expect(plan[0]?.commands[0]).toContain(
          "/qemu-aarch64-static:POCF' > /proc/sys/fs/binfmt_misc/register",
        );
        expect(plan[0]?.why).toContain("With the flag F it opens QEMU when it is registered");
        return false;
      });
      expect(declined.repairs?.map(({ status }) => status)).toEqual(["declined"]);
      expect(await namespace.table()).not.toContain("qemu");
      await expectRepaired(ill, namespace, "binfmt-handler");
      // What is printed to undo it, does.
      const undone = await repairAll(await machine(namespace));
      expect(undone.repairs).toEqual([]);
      await namespace.run("printf %s -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64");
      const { repairs } = await repairAll(ill);
      for (const line of repairs?.flatMap(({ undo }) => undo) ?? []) await namespace.run(line);
      expect(await namespace.table()).not.toContain("qemu");
    });

    it("001-03 001-12 gets QEMU for all platforms that lack it, 32-bit ARM too", async () => {
      await using namespace = await startBinfmtNamespace();
      const platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"];
      const arm = join(engines.root("qemu"), "usr/bin/qemu-arm-static");
      const ill = await machine(namespace, { platforms, env: {} });
      await symlink(arm, join(temp.path, "with-qemu/qemu-arm-static"));
      expect(finding(await diagnose(ill), "foreign-run")).toMatch(
        /^fail linux\/arm64: .*\nfail linux\/arm\/v7: /,
      );
      const healed = await repairAll(ill);
      expect(healed.repairs?.map(({ key, status }) => `${key} ${status}`)).toEqual([
        "register-aarch64 repaired",
        "register-arm repaired",
      ]);
      expect(finding(healed, "foreign-run")).toMatch(/^ok linux\/arm64: .*\nok linux\/arm\/v7: /);
    });

    it("001-12 whose entry lacks F has it replaced", async () => {
      await using namespace = await startBinfmtNamespace({ setup: entry(qemu(), "OC") });
      const ill = await machine(namespace);
      const report = await diagnose(ill);
      expect(finding(report, "binfmt-flags")).toBe(
        'fail linux/arm64: qemu-aarch64 has the flags "OC" and not F',
      );
      expect(finding(report, "foreign-run")).toMatch(/^ok/); // On the machine itself it works: that is what misleads.
      const [undo] = findings(report, "binfmt-flags")[0]?.fix?.undo.slice(1) ?? [];
      expect(undo).toContain(":OC' > /proc/sys/fs/binfmt_misc/register");
      await expectRepaired(ill, namespace, "binfmt-flags");
    });

    it("001-12 whose entry names a program that isn't there has it replaced", async () => {
      await using namespace = await startBinfmtNamespace({ setup: entry("/nonexistent/qemu-aarch64", "OC") });
      const ill = await machine(namespace);
      const report = await diagnose(ill);
      expect(finding(report, "binfmt-interpreter")).toBe(
        "fail linux/arm64: qemu-aarch64 names /nonexistent/qemu-aarch64, which isn't there",
      );
      expect(finding(report, "foreign-run")).toMatch(/^fail linux\/arm64/);
      await expectRepaired(ill, namespace, "binfmt-interpreter");
    });

    it("001-12 whose entry has the magic of another CPU is matched by bytes and not by name", async () => {
      await using namespace = await startBinfmtNamespace({ setup: entry(qemu(), "OCF", { cpu: "f3" }) });
      const ill = await machine(namespace);
      expect(finding(await diagnose(ill), "binfmt-handler")).toBe(
        "fail linux/arm64: qemu-aarch64 is registered, but its magic doesn't match programs for linux/arm64",
      );
      await expectRepaired(ill, namespace, "binfmt-handler");
    });

    it("001-12 whose entry has another name is matched all the same", async () => {
      // As Debian's package registers it.
      const link = join(temp.path, "qemu-binfmt/aarch64-binfmt-P");
      await mkdir(join(temp.path, "qemu-binfmt"));
      await symlink(qemu(), link);
      await using namespace = await startBinfmtNamespace({ setup: entry(link, "POCF", { name: "my-arm" }) });
      const report = await diagnose(await machine(namespace));
      expect(finding(report, "binfmt-handler")).toMatch(/^ok linux\/arm64: my-arm → /);
      expect(finding(report, "emulator")).toMatch(/^ok linux\/arm64: QEMU 7\.2/);
      expect(finding(report, "qemu-version")).toMatch(/^ok linux\/arm64: QEMU 7\.2\.22; before 10/);
    });

    it("001-12 whose entry is disabled has it switched on, nothing else", async () => {
      await using namespace = await startBinfmtNamespace({
        setup: `${entry(qemu(), "POCF")}\nprintf %s 0 > /proc/sys/fs/binfmt_misc/qemu-aarch64`,
      });
      const ill = await machine(namespace);
      const report = await diagnose(ill);
      expect(finding(report, "binfmt-handler")).toBe("fail linux/arm64: qemu-aarch64 is there but disabled");
      expect(findings(report, "binfmt-handler")[0]?.fix?.commands).toEqual([
        "printf %s 1 > /proc/sys/fs/binfmt_misc/qemu-aarch64",
      ]);
      await expectRepaired(ill, namespace, "binfmt-handler");
    });

    it("001-12 that is switched off as a whole is switched on", async () => {
      await using namespace = await startBinfmtNamespace({
        setup: `${entry(qemu(), "POCF")}\nprintf %s 0 > /proc/sys/fs/binfmt_misc/status`,
      });
      const ill = await machine(namespace);
      expect(finding(await diagnose(ill), "binfmt-mounted")).toBe("fail the whole table is switched off");
      await expectRepaired(ill, namespace, "binfmt-mounted");
    });

    it("001-12 with a QEMU of a version that breaks builds gets the newer one that is here", async () => {
      const stale = join(temp.path, "old", "qemu-aarch64");
      await mkdir(join(temp.path, "old"), { recursive: true });
      // A real QEMU that says it is another one: Debian keeps none of that age.
      const bytes = await readFile(qemu());
      const at = bytes.indexOf("7.2.22 (Debian");
      expect(at).toBeGreaterThan(0);
      bytes.write("6.1.00", at);
      await writeFile(stale, bytes, { mode: 0o755 });
      await using namespace = await startBinfmtNamespace({ setup: entry(stale, "POCF") });
      const ill = await machine(namespace);
      const report = await diagnose(ill);
      expect(finding(report, "qemu-version")).toBe(
        "warn linux/arm64: QEMU 6.1.00: Java's threads fail with ENOSYS (tonistiigi/binfmt#72)",
      );
      await expectRepaired(ill, namespace, "qemu-version");
      expect(await namespace.table()).not.toContain(stale);
    });

    it("001-12 with an interpreter for another CPU has it replaced", async () => {
      const foreign = join(temp.path, "foreign-qemu-aarch64");
      await copyFile(join(engines.root("busybox"), "arm64/bin/busybox"), foreign);
      await using namespace = await startBinfmtNamespace({ setup: entry(foreign, "OC") });
      const ill = await machine(namespace);
      expect(finding(await diagnose(ill), "binfmt-interpreter")).toMatch(
        /^fail linux\/arm64: .*foreign-qemu-aarch64 is for aarch64, this machine is x86_64$/,
      );
      await expectRepaired(ill, namespace, "binfmt-interpreter");
    });

    it("001-09 in a container that isn't privileged says so, and changes nothing", async () => {
      await using namespace = await startBinfmtNamespace({ mounted: false });
      const ill = await machine(namespace, { unprivileged: true, env: { container: "docker" } });
      const report = await diagnose(ill);
      expect(finding(report, "privileged")).toBe("fail not privileged (user 0, without CAP_SYS_ADMIN)");
      expect(findings(report, "privileged")[0]?.fix?.commands[0]).toContain("--privileged");
      expect(finding(report, "binfmt-mounted")).toBe(
        "fail this container may neither see the table nor change it",
      );
      const tried = await repairAll(ill);
      expect(tried.ok).toBe(false);
      expect(await namespace.table()).toBe("");
      const well = behindShell(ill.ctx.host, namespace.command, { env: { container: "docker" } });
      expect(finding(await diagnose(well), "privileged")).toBe("ok privileged: CAP_SYS_ADMIN is there");
    });

    it("001-11 in a container without control groups hints at the mount", async () => {
      await using namespace = await startBinfmtNamespace({ setup: "mount -t tmpfs none /sys/fs/cgroup" });
      const report = await diagnose(await machine(namespace, { env: { container: "docker" } }));
      expect(finding(report, "cgroups")).toBe("warn none is mounted here");
      expect(findings(report, "cgroups")[0]?.fix?.commands.join()).toContain(
        "-v /sys/fs/cgroup:/sys/fs/cgroup:rw",
      );
    });

    it("names a disk that is full", async () => {
      const cache = join(temp.path, "cache");
      await mkdir(cache);
      await using namespace = await startBinfmtNamespace({
        setup: `mount -t tmpfs -o size=1m none ${cache}`,
      });
      const report = await diagnose(await machine(namespace, { env: { ANYARCH_CACHE_DIR: cache } }));
      expect(finding(report, "disk")).toMatch(new RegExp(`^fail cache: 1 MiB free at ${cache}$`, "m"));
      expect(report.ok).toBe(false);
    });
  },
);
