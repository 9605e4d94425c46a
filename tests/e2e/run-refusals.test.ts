import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBinfmtNamespace, whyNoBinfmtNamespace } from "../engines/binfmt-namespace.ts";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { rawTar, writeRawLayout } from "../integration/trial/raw-layers.ts";
import { unprivilegedNode, whyNotUnprivileged } from "./bad-input/unprivileged.ts";
import { openTrialScene, type TrialScene } from "./trial/scene.ts";

const engines = await ensureEngines(["runc", "busybox", "qemu"]);
const noNobody = whyNotUnprivileged();
const noManyUsers =
  process.getuid?.() === 0
    ? await whyNoBinfmtNamespace({ daemons: true })
    : "only root makes such namespaces";

let scene: TrialScene;

describeWith(engines, ["runc", "busybox", "qemu"], "run says what is wrong", () => {
  beforeAll(async () => {
    await registerQemu();
    scene = await openTrialScene();
  });
  afterAll(() => scene[Symbol.dispose]());

  it("gives 127 for a command that isn't there and 126 for one that is no program, and says what is wrong", async () => {
    const odd = join(scene.path, "odd-programs");
    const program = (path: string, content: string | Buffer, mode = 0o755) =>
      ({ path, type: "file", mode, content }) as const;
    const busybox = readFileSync(join(scene.path, "roots/amd64/bin/busybox"));
    const files = [
      program("bin/busybox", busybox),
      program("linked", readFileSync("/usr/bin/env")),
      program("script", "#!/bin/bash\necho\n"),
      program("text", "echo hello\n"),
      program("data", busybox, 0o644),
      program("secret", busybox, 0o111),
    ];
    writeRawLayout(odd, [rawTar(files)], { config: { Env: ["PATH=/bin:/"] } });
    const told = [
      ["nosuch", 127, "nosuch isn't in the image, or not in its PATH."],
      ["/bin/nosuch", 127, "/bin/nosuch isn't in the image."],
      ["linked", 127, "/linked needs the loader /lib64/ld-linux-x86-64.so.2, which isn't in the image."],
      ["/script", 127, "/script is a script for /bin/bash, which isn't in the image."],
      ["/text", 126, "/text is marked as a program, but is none: it begins with no ELF header and no #!."],
      ["data", 126, "/data can't be executed: it isn't marked as a program."],
      ["/bin", 126, "/bin is a directory."],
    ] as const;
    for (const [command, expected, message] of told) {
      const { code, stderr } = await scene.run(["run", odd, "--", command]);
      expect(stderr).toMatch(new RegExp(`^error ${message.replaceAll(/[.\\/]/g, "\\$&")}\n`));
      expect(code, stderr).toBe(expected);
    }
    // A volume may bring it; and what may be executed but not read runs.
    const brought = ["-v", `${scene.path}/roots/amd64/bin/busybox:/brought/busybox`];
    expect((await scene.run(["run", ...brought, odd, "--", "/brought/busybox", "uname"])).stdout).toBe(
      "Linux\n",
    );
    const unread = await (noNobody === undefined
      ? scene.runAsNobody(["run", odd, "--", "/secret"])
      : scene.run(["run", odd, "--", "/secret"]));
    expect(unread.stderr).toContain("secret: applet not found");
    expect(scene.leftovers()).toEqual([]);
  });

  it("reads variables from files as docker does, --env counting before", async () => {
    const content = '# comment\nA=1 # no comment\n  B="quoted"\nHOME\nANYARCH_NO_SUCH\n\nC=file\n';
    writeFileSync(join(scene.path, "some.env"), content);
    const script = 'echo "$A|$B|$HOME|$ANYARCH_NO_SUCH|$C"';
    const args = ["--env-file", "some.env", "-e", "C=flag", scene.image, "--", "sh", "-c", script];
    const { stdout, stderr } = await scene.run(["run", ...args]);
    expect(stdout, stderr).toBe(`1 # no comment|"quoted"|${scene.env["HOME"]}||flag\n`);
    writeFileSync(join(scene.path, "bad.env"), "A=1\nB C=2\n");
    const bad = await scene.run(["run", "--env-file", "bad.env", scene.image]);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('Line 2 of bad.env isn\'t KEY=VALUE: "B C=2".');
  });

  it("refuses a program for another CPU that nothing here runs, whatever the label says", async () => {
    const mislabelled = join(scene.path, "mislabelled");
    const busybox = Buffer.from(readFileSync(join(scene.path, "roots/amd64/bin/busybox")));
    busybox.writeUInt16LE(243, 18); // e_machine: RISC-V.
    writeRawLayout(mislabelled, [rawTar([{ path: "app", type: "file", mode: 0o755, content: busybox }])]);
    const { code, stderr } = await scene.run(["run", mislabelled, "--", "/app"]);
    expect(code, stderr).toBe(126);
    expect(stderr).toMatch(/\/app is for riscv64.* No emulator for it is registered here\./);
  });

  it.skipIf(noNobody !== undefined || noManyUsers !== undefined)(
    "says why runc can't run at all: no user namespaces for users, no rights for root",
    async () => {
      await using place = await startBinfmtNamespace({
        daemons: true,
        setup: "echo 0 > /proc/sys/user/max_user_namespaces",
      });
      const nobody = { node: [...place.enter, ...unprivilegedNode] };
      const { code, stderr } = await scene.run(["run", scene.image], nobody);
      expect(code).toBe(1);
      expect(stderr).toContain("runc needs root, or user namespaces, and this user may not make any here.");
      expect(stderr).toContain("- as root: sysctl -w user.max_user_namespaces=15000");
      const tested = await scene.run(["test", scene.image, "-p", "linux/amd64"], nobody);
      expect(tested.stdout).toContain("sysctl -w user.max_user_namespaces=15000");
      const confined = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", process.execPath];
      const byRoot = await scene.run(["run", scene.image], { node: confined });
      expect(byRoot.code).toBe(1);
      expect(byRoot.stderr).toContain("CAP_SYS_ADMIN");
      expect(byRoot.stderr).toContain("--privileged");
      expect(scene.leftovers()).toEqual([]);
    },
  );

  it("says what to do where no image is named and none was built", async () => {
    for (const command of ["run", "test", "bench"]) {
      const { code, stderr } = await scene.run([command]);
      expect(code).toBe(2);
      expect(stderr).toContain("There is no image at dist/image in this directory.\n  Build one with");
    }
  });

  it("refuses an emulator of another CPU, and one that isn't static", async () => {
    const args = ["run", scene.image, "--platform", "linux/arm64", "--emulator"];
    const other = await scene.run([...args, join(scene.emulators, "qemu-arm-static")]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(
      "is for arm, and the image is linux/arm64.\n  QEMU for it is called qemu-aarch64-static.",
    );
    const linked = await scene.run([...args, "/usr/bin/env"]);
    expect(linked.code).toBe(1);
    expect(linked.stderr).toContain("The emulator /usr/bin/env isn't a statically linked program.");
  });

  it("says how to get an emulator where none is", async () => {
    const riscv = join(scene.path, "riscv");
    writeRawLayout(riscv, [rawTar([{ path: "x", type: "file", mode: 0o755, content: "x" }])], {
      platform: { os: "linux", architecture: "riscv64" },
      config: { Cmd: ["/x"] },
    });
    const { code, stderr } = await scene.run(["run", riscv]);
    expect(code).toBe(1);
    expect(stderr).toContain("Programs of linux/riscv64 don't run on this linux/amd64 machine");
    expect(stderr).toContain("qemu-user-static");
    expect(stderr).toContain("qemu-riscv64-static");
    expect(stderr).toContain("[EMULATION_MISSING]");
  });

  it("says what engines it looked for where there is none", async () => {
    const { code, stderr } = await scene.run(["run", scene.image], {
      env: { PATH: join(scene.path, "home") },
    });
    expect(code).toBe(2);
    expect(stderr).toContain(
      "docker: it isn't installed; podman: it isn't installed; runc: it isn't installed",
    );
  });

  it("refuses a hostile image and leaves nothing of it", async () => {
    const evil = join(scene.path, "evil");
    writeRawLayout(evil, [
      rawTar([
        { path: "l", type: "symlink", target: "../../../.." },
        { path: "l/tmp/anyarch-was-here", type: "file", content: "x" },
      ]),
    ]);
    const { code, stderr } = await scene.run(["run", evil, "--", "/x"]);
    expect(code).toBe(1);
    expect(stderr).toContain("[ARCHIVE_UNSAFE]");
    expect(scene.leftovers()).toEqual([]);
  });

  it("removes what directories without permissions hold", async () => {
    const odd = join(scene.path, "odd");
    writeRawLayout(odd, [
      rawTar([
        { path: "closed", type: "directory", mode: 0o000 },
        { path: "closed/in", type: "directory", mode: 0o555 },
        { path: "closed/in/x", type: "file", mode: 0o000, content: "x" },
      ]),
    ]);
    const args = ["run", odd, "--", "/none"];
    const { code } = await (noNobody === undefined ? scene.runAsNobody(args) : scene.run(args));
    expect(code).toBe(127);
    expect(scene.leftovers()).toEqual([]);
  });
});
