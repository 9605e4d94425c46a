import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startBinfmtNamespace, whyNoBinfmtNamespace } from "../engines/binfmt-namespace.ts";
import { startBuildkitd } from "../engines/buildkitd.ts";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { makeSshClient, startSshd } from "../engines/sshd.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace } from "./anyarch.ts";

const needed = ["buildkit", "qemu"] as const;
const engines = await ensureEngines([...needed, "sshd"]);
const without = await whyNoBinfmtNamespace();

describeWith(engines, needed, "anyarch doctor", () => {
  it.skipIf(without !== undefined)(
    "001-03 001-12 001-13 001-17 says what is wrong, repairs it on demand, and leaves well alone what is well",
    async () => {
      await registerQemu();
      await using node = await startBuildkitd();
      await using namespace = await startBinfmtNamespace();
      using work = makeWorkspace();
      const bin = join(work.path, "bin");
      await mkdir(bin);
      await symlink(
        join(engines.root("qemu"), "usr/bin/qemu-aarch64-static"),
        join(bin, "qemu-aarch64-static"),
      );
      await symlink(engines.program("buildctl"), join(bin, "buildctl"));
      const enter = namespace.command.slice(0, -1);
      const doctor = (...args: readonly string[]): ReturnType<typeof anyarch> =>
        anyarch(["doctor", ...args], {
          cwd: work.path,
          env: {
            ...work.env,
            PATH: `${bin}:/usr/bin:/bin:/usr/sbin:/sbin`,
            BUILDKIT_HOST: node.address,
            DOCKER_CONFIG: work.path,
          },
          node: [...enter, process.execPath],
        });

      const first = await doctor("--format", "json");
      const report = JSON.parse(first.stdout) as {
        schema: string;
        ok: boolean;
        checks: { id: string; status: string; fix?: { commands: string[] } }[];
      };
      expect(report.schema).toBe("anyarch.doctor/v1");
      const handler = report.checks.find(({ id }) => id === "binfmt-handler");
      // The builder has a table of its own: builds work, containers here don't.
      expect(handler?.status).toBe("warn");
      expect(first.code).toBe(report.ok ? 0 : 1);
      expect((await doctor("--platform", "linux/s390x")).code).toBe(1);
      expect((await doctor("--fix")).code).toBe(2);

      const planned = await doctor("--fix", "--dry-run");
      expect(planned.stdout).toContain(handler?.fix?.commands[0]);
      expect(planned.stdout).toContain("--fix would run");
      expect(await namespace.table()).not.toContain("qemu");

      const repaired = await doctor("--fix", "--yes");
      expect(repaired.stderr).toContain("With the flag F it opens QEMU when it is registered");
      expect(repaired.stdout).toMatch(
        /repaired register QEMU for linux\/arm64\n {4}undo\n {6}printf %s -1 > \S+qemu-aarch64/,
      );
      expect(repaired.stdout).toContain(
        "Programs of foreign platforms really run (linux/arm64): a program for linux/arm64 ran",
      );
      const table = await namespace.table();
      expect(table).toMatch(/flags: \w*F/);

      const again = await doctor("--fix", "--yes");
      expect(again.stdout).toContain("There is nothing to repair");
      expect(again.code).toBe(0);
      expect(await namespace.table()).toBe(table);
    },
  );
});

/** Commands run in namespaces with an empty table of interpreters, which stay until the server ends. */
const ownTable = (pid: string): string => `#!/bin/sh
if ! [ -s ${pid} ]; then
  unshare --user --map-root-user --mount sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; echo $$ > ${pid}; exec sleep infinity' >/dev/null 2>&1 </dev/null &
  until [ -s ${pid} ]; do sleep 0.05; done
fi
exec nsenter --preserve-credentials --user --mount --target $(cat ${pid}) -- sh -c "$SSH_ORIGINAL_COMMAND"
`;

describeWith(engines, [...needed, "sshd"], "anyarch doctor ssh://", () => {
  it.skipIf(without !== undefined)(
    "001-03 001-12 examines and repairs another machine the same way",
    async () => {
      await registerQemu();
      await using node = await startBuildkitd();
      using work = makeWorkspace();
      const bin = join(work.path, "bin");
      await mkdir(bin);
      const qemu = join(engines.root("qemu"), "usr/bin/qemu-aarch64-static");
      await symlink(qemu, join(bin, "qemu-aarch64-static"));
      await symlink(engines.program("buildctl"), join(bin, "buildctl"));
      const forced = join(work.path, "forced");
      await writeFile(forced, ownTable(join(work.path, "pid")), { mode: 0o755 });
      await using server = await startSshd({
        forcedCommand: forced,
        commandEnvironment: { PATH: `${bin}:/usr/bin:/bin:/usr/sbin:/sbin`, BUILDKIT_HOST: node.address },
      });
      await using client = await makeSshClient({ far: server });
      const target = `ssh://${server.user}@far`;
      const doctor = (...args: readonly string[]): ReturnType<typeof anyarch> =>
        anyarch(["doctor", ...args], {
          cwd: work.path,
          // What is here is no matter: neither QEMU nor BuildKit.
          env: { ...work.env, PATH: `${client.path}:/usr/bin:/bin` },
        });

      const first = await doctor(target);
      expect(first.stdout, first.stderr).toContain(`${target} for linux/amd64, linux/arm64`);
      expect(first.stdout).toMatch(/✗ An interpreter is registered .*\(linux\/arm64\): no entry matches/);
      const repaired = await doctor(target, "--fix", "--yes");
      expect(repaired.stdout, repaired.stderr).toContain("repaired register QEMU for linux/arm64");
      expect(repaired.stdout).toContain("a program for linux/arm64 ran and ended with 0");
      const again = await doctor(target, "--fix", "--yes");
      expect(again.stdout).toContain("There is nothing to repair");
      expect(again.code).toBe(0);
      const gone = await doctor("ssh://nobody@far");
      expect(gone).toMatchObject({ code: 4, stdout: "" });
    },
  );
});
