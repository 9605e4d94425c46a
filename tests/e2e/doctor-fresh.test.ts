import { createHash } from "node:crypto";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TempDir } from "../../src/host/temp-dir.ts";
import type { DoctorReport } from "../../src/doctor/report.ts";
import {
  type BinfmtNamespace,
  startBinfmtNamespace,
  whyNoBinfmtNamespace,
} from "../engines/binfmt-namespace.ts";
import { loadBuildkitImage } from "../engines/buildkit-image.ts";
import { makeBusyboxRoot } from "../engines/busybox.ts";
import { type Docker, startDockerd } from "../engines/dockerd.ts";
import { ensureEngines } from "../engines/install.ts";
import { makeMountableTempDir } from "../engines/mounts.ts";
import { run } from "../engines/process.ts";
import { describeWith } from "../engines/suites.ts";
import { finding, findings } from "../integration/doctor/fixture.ts";
import { anyarch } from "./anyarch.ts";

/*
 * A machine within the machine, as it comes from its installer: Docker with the classic store, a table of interpreters
 * of its own that is empty, and no QEMU. Its Docker builds for this CPU alone, until that is repaired.
 */

const needed = ["buildkit", "buildx", "dockerd", "qemu", "busybox"] as const;
const engines = await ensureEngines(needed);
const without = process.getuid?.() === 0 ? await whyNoBinfmtNamespace({ daemons: true }) : "not root";

const installer = "installer:test";

/**
 * What tonistiigi/binfmt does, which can't be had here: it mounts the table where it isn't, registers the QEMU that it
 * brings with the flag F, doesn't replace what is registered already, and ends with 0 whatever happened.
 */
const installScript = `#!/bin/busybox sh
table=/proc/sys/fs/binfmt_misc
busybox test -e $table/register || busybox mount -t binfmt_misc binfmt_misc $table
case $1 in
  --uninstall) printf %s -1 > $table/$2 ;;
  --install) printf %s ':qemu-aarch64:M::\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:/usr/bin/qemu-aarch64:POCF' > $table/register ;;
esac
exit 0
`;

let temp: TempDir;
let namespace: BinfmtNamespace;
let docker: Docker;

beforeAll(async () => {
  temp = await makeMountableTempDir();
  if (without !== undefined || engines.without(...needed) !== undefined) return;
  namespace = await startBinfmtNamespace({ daemons: true });
  docker = await startDockerd({ store: "classic", within: namespace.enter });
  await loadBuildkitImage(docker);
  await loadInstaller();
}, 60_000);

afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
  await temp[Symbol.asyncDispose]();
});

async function loadInstaller(): Promise<void> {
  const root = await makeBusyboxRoot(join(temp.path, "installer"), "amd64");
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await run("cp", [
    join(engines.root("qemu"), "usr/bin/qemu-aarch64-static"),
    join(root, "usr/bin/qemu-aarch64"),
  ]);
  await writeFile(join(root, "binfmt"), installScript, { mode: 0o755 });
  const archive = join(temp.path, "installer.tar");
  await run("tar", ["-C", root, "--owner=0", "--group=0", "-cf", archive, "."]);
  await docker.run(["import", "--change", 'ENTRYPOINT ["/binfmt"]', archive, installer]);
}

/** A user of that machine: programs in PATH, no QEMU among them. */
interface User {
  readonly env: Readonly<Record<string, string>>;
  /** What `anyarch doctor` says there. */
  doctor(...args: readonly string[]): Promise<{ readonly code: number; readonly report: DoctorReport }>;
  /** A shell's lines there; what they print. */
  shell(script: string): Promise<string>;
}

async function makeUser(
  name: string,
  programs: readonly string[] = ["docker", "docker-buildx"],
  place: BinfmtNamespace = namespace,
): Promise<User> {
  const home = join(temp.path, name);
  const bin = join(home, "bin");
  await mkdir(bin, { recursive: true });
  for (const program of programs) await symlink(engines.program(program), join(bin, program));
  const env = {
    PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: home,
    DOCKER_CONFIG: join(home, ".docker"),
    DOCKER_HOST: docker.env["DOCKER_HOST"] ?? "",
    ANYARCH_CACHE_DIR: join(home, "cache"),
    ANYARCH_BUILDKIT_DRIVER_OPTS: "network=host",
    ANYARCH_BINFMT_IMAGE: installer,
  };
  return {
    env,
    doctor: async (...args) => {
      const { code, stdout, stderr } = await anyarch(["doctor", "--format", "json", ...args], {
        env,
        node: [...place.enter, process.execPath],
      });
      expect(stdout, stderr).toMatch(/^\{/);
      return { code, report: JSON.parse(stdout) as DoctorReport };
    },
    shell: async (script) =>
      (await run(place.enter[0], [...place.enter.slice(1), "sh", "-ec", script], { env })).stdout,
  };
}

const fix = ["--fix", "--yes"] as const;
const containers = async (): Promise<string> => (await docker.run(["ps", "-aq", "--no-trunc"])).stdout;

describeWith(engines, needed, "doctor on a machine fresh from its installer", () => {
  it.skipIf(without !== undefined)(
    "001-02 001-03 001-04 001-06 001-07 001-08 001-12 gets QEMU by a privileged container and a builder with all platforms",
    async () => {
      const user = await makeUser("fresh");
      // A builder of the user's own, without the platform: it stays as it is, and the current one.
      await user.shell("docker-buildx create --name mine --use --platform linux/amd64 >/dev/null");
      const builders = 'cd "$DOCKER_CONFIG/buildx" && cat current instances/mine';
      const own = await user.shell(builders);
      const ill = await user.doctor();
      expect(ill.code).toBe(1);
      expect(finding(ill.report, "platform")).toMatch(
        /^fail linux\/arm64: no builder has linux\/arm64: .*default \(docker\) has linux\/amd64/m,
      );
      expect(finding(ill.report, "binfmt-handler")).toBe("fail linux/arm64: no entry matches its programs");

      const { code, report } = await user.doctor(...fix);
      expect(report.repairs).toMatchObject([
        {
          key: "register-aarch64",
          status: "repaired",
          commands: [`docker run --privileged --rm ${installer} --install arm64`],
          undo: [`docker run --privileged --rm ${installer} --uninstall qemu-aarch64`],
        },
        { key: "create-builder", status: "repaired" },
      ]);
      expect(code).toBe(0);
      expect(finding(report, "foreign-run")).toMatch(/^ok linux\/arm64: a program for linux\/arm64 ran/);
      expect(finding(report, "binfmt-interpreter")).toMatch(/^ok .*kept open by the kernel \(flag F/);
      // Tried by building a program of the platform on it.
      expect(finding(report, "platform")).toBe(
        "ok linux/amd64: anyarch (docker-container) builds it natively\nok linux/arm64: anyarch (docker-container) builds it by emulation",
      );
      expect(await user.shell(builders)).toBe(own);

      const [table, running] = [await namespace.table(), await containers()];
      const again = await user.doctor(...fix);
      expect(again).toMatchObject({ code: 0, report: { repairs: [] } });
      expect([await namespace.table(), await containers()]).toEqual([table, running]);
      // What is printed to undo it takes all of it back.
      for (const line of report.repairs?.flatMap(({ undo }) => undo) ?? []) await user.shell(line);
      expect(await namespace.table()).not.toContain("qemu");
      expect(await containers()).toBe("");
    },
    120_000,
  );

  it.skipIf(without !== undefined)(
    "001-03 001-05 has a registration that is of no use replaced by the image's, and its builder that was killed started",
    async () => {
      const user = await makeUser("stale");
      await user.doctor(...fix);
      await docker.run(["rm", "--force", "buildx_buildkit_anyarch0"]);
      await user.shell(
        "cd /proc/sys/fs/binfmt_misc && magic=$(sed -n 's/^magic //p' qemu-aarch64 | sed 's/../\\\\x&/g') && printf %s -1 > qemu-aarch64 && printf %s \":qemu-aarch64:M::$magic::/nonexistent/qemu:OC\" > register",
      );
      const ill = await user.doctor();
      expect(ill.code).toBe(1);
      expect(finding(ill.report, "platform")).toMatch(
        /^warn linux\/amd64: anyarch \S+ builds it as it says, once it is started$/m,
      );
      expect(finding(ill.report, "binfmt-interpreter")).toContain(
        "names /nonexistent/qemu, which isn't there",
      );
      const { code, report } = await user.doctor(...fix);
      expect(report.repairs).toMatchObject([
        {
          key: "register-aarch64",
          status: "repaired",
          commands: [
            `docker run --privileged --rm ${installer} --uninstall qemu-aarch64`,
            `docker run --privileged --rm ${installer} --install arm64`,
          ],
        },
        { key: "start-builder-anyarch", status: "repaired" },
      ]);
      expect(finding(report, "platform")).toMatch(/linux\/arm64: anyarch \S+ builds it by emulation$/);
      expect(code, JSON.stringify(findings(report, "platform"))).toBe(0);
      expect((await user.doctor(...fix)).report.repairs).toEqual([]);
      await user.shell("docker-buildx rm anyarch; printf %s -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64");
    },
    120_000,
  );

  it.skipIf(without !== undefined)(
    "without buildx has it installed from the distribution's packages",
    async () => {
      const packages = await makeRepository();
      const folders = ["etc", "usr", "var"];
      await using place = await startBinfmtNamespace({
        daemons: true,
        setup: [
          "mount -t tmpfs none /mnt",
          ...folders.map(
            (name) =>
              `mkdir -p /mnt/${name}/upper /mnt/${name}/work; mount -t overlay -o lowerdir=/${name},upperdir=/mnt/${name}/upper,workdir=/mnt/${name}/work,userxattr none /${name}`,
          ),
          "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /usr/libexec/docker",
          `echo 'deb [trusted=yes] file:${packages} ./' > /etc/apt/sources.list`,
          "echo 'APT::Sandbox::User \"root\";' > /etc/apt/apt.conf.d/99root",
          "apt-get update",
        ].join("\n"),
      });
      const user = await makeUser("no-buildx", ["docker"], place);
      const ill = await user.doctor("--platform", "linux/amd64");
      expect(finding(ill.report, "buildx")).toBe("fail docker is there, buildx isn't");
      const { code, report } = await user.doctor("--platform", "linux/amd64", ...fix);
      expect(report.repairs?.[0]).toMatchObject({
        key: "install-buildx",
        status: "repaired",
        commands: ["apt-get update && apt-get install -y docker-buildx-plugin"],
      });
      expect(finding(report, "buildx")).toMatch(/^ok buildx \d.* \(docker buildx\)$/);
      expect(code).toBe(0);
      expect((await user.doctor("--platform", "linux/amd64", ...fix)).report.repairs).toEqual([]);
    },
    120_000,
  );
});

/** A repository of packages with the real plugin in a package; returns its directory. */
async function makeRepository(): Promise<string> {
  const [directory, root] = [join(temp.path, "packages"), join(temp.path, "plugin")];
  const plugins = join(root, "usr/libexec/docker/cli-plugins");
  for (const folder of [directory, plugins, join(root, "DEBIAN")]) await mkdir(folder, { recursive: true });
  const inRoot = join(engines.root("buildx"), "usr/libexec/docker/cli-plugins/docker-buildx");
  await run("cp", [inRoot, plugins]);
  const control = [
    "Package: docker-buildx-plugin",
    "Version: 1.0",
    "Architecture: amd64",
    "Maintainer: nobody <nobody@example.org>",
    "Description: buildx",
  ];
  await writeFile(join(root, "DEBIAN/control"), `${control.join("\n")}\n`);
  const file = join(directory, "plugin.deb");
  await run("dpkg-deb", ["-Znone", "--root-owner-group", "--build", root, file]);
  const bytes = await readFile(file);
  const digest = createHash("sha256").update(bytes).digest("hex");
  const entry = [...control, "Filename: ./plugin.deb", `Size: ${bytes.length}`, `SHA256: ${digest}`];
  await writeFile(join(directory, "Packages"), `${entry.join("\n")}\n`);
  return directory;
}
