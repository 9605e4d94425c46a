import * as fc from "fast-check";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { exitProgram } from "../../../src/buildkit/probe-program.ts";
import { checks } from "../../../src/doctor/checks.ts";
import { escaped, matches, parseEntry, registrationOf } from "../../../src/doctor/facts/binfmt.ts";
import { brokenWith, compare } from "../../../src/doctor/facts/interpreter.ts";
import { planRepairs } from "../../../src/doctor/repair.ts";
import { type DoctorReport, examine } from "../../../src/doctor/report.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { appleWithDesktop, recordedProbe, type Recording } from "./recorded-probe.ts";

function diagnose(recording: Recording, platforms = ["linux/amd64", "linux/arm64"]): Promise<DoctorReport> {
  const ctx = createContext(createNodeHost({ env: { HOME: "/nonexistent", PATH: "" } }));
  const patient = {
    probe: recordedProbe(recording),
    platforms: platforms.map(parsePlatform),
    registries: [],
  };
  return examine(patient, ctx);
}

function finding({ checks: found }: DoctorReport, id: string): string {
  return found
    .filter((check) => check.id === id)
    .map(
      ({ status, subject, found: text }) => `${status} ${subject === undefined ? "" : `${subject}: `}${text}`,
    )
    .join("\n");
}

const table = "/proc/sys/fs/binfmt_misc";
const amd64 = "7f454c4602010100000000000000000002003e00";
const arm64 = "7f454c460201010000000000000000000200b700";
const mask = "ffffffffffffff00fffffffffffffffffeffffff";
const entry = (interpreter: string, magic: string, flags = "POCF"): string =>
  `enabled\ninterpreter ${interpreter}\nflags: ${flags}\noffset 0\nmagic ${magic}\nmask ${mask}\n`;

const linux = { "uname -srm": "Linux 6.8.0-60-generic x86_64", "id -u": "1000", "id -un": "ana" } as const;

describe("checks", () => {
  it("are the files of the folder, each under its own name", () => {
    const files = readdirSync(resolve(import.meta.dirname, "../../../src/doctor/checks")).map((name) =>
      name.replace(/\.ts$/, ""),
    );
    expect(checks.map(({ id }) => id).toSorted()).toEqual(files.toSorted());
    for (const { title, expected, why, measured } of checks) {
      for (const text of [title, expected, why, measured]) expect(text.length).toBeGreaterThan(5);
    }
  });
});

describe("recorded machines", () => {
  it("003-02 003-03 003-33 Docker Desktop on Apple silicon with Rosetta: told from QEMU by its settings", async () => {
    const report = await diagnose(
      appleWithDesktop({ UseVirtualizationFramework: true, UseVirtualizationFrameworkRosetta: true }),
    );
    expect(finding(report, "emulator")).toBe("ok linux/amd64: Rosetta, in Docker Desktop");
    expect(finding(report, "apple-silicon")).toMatch(
      /^ok Apple M2 Pro, arm64, Docker Desktop, containers arm64; linux\/amd64 is translated or emulated here; .*classic image store/,
    );
    expect(finding(report, "docker-architecture")).toBe(
      "ok server linux/arm64 (kernel aarch64), containers linux/arm64",
    );
    expect(finding(report, "platform")).toBe(
      "ok linux/amd64: desktop-linux (docker) builds it by emulation\nok linux/arm64: desktop-linux (docker) builds it natively",
    );
    expect(report.ok).toBe(true);
  });

  it("003-03 003-33 Docker Desktop on Apple silicon without Rosetta: QEMU, and how to change that", async () => {
    const report = await diagnose(
      appleWithDesktop({ UseVirtualizationFramework: true, UseVirtualizationFrameworkRosetta: false }),
    );
    expect(finding(report, "emulator")).toBe("warn linux/amd64: QEMU, in Docker Desktop; Rosetta is off");
    const fix = report.checks.find(({ id }) => id === "emulator")?.fix;
    expect(fix?.commands.join("\n")).toContain("softwareupdate --install-rosetta");
    expect(fix?.automatic).toBe(false);
  });

  it("003-02 003-33 DOCKER_DEFAULT_PLATFORM on Apple silicon: containers are another architecture than the server", async () => {
    const recording = appleWithDesktop({ UseVirtualizationFrameworkRosetta: true });
    const report = await diagnose({
      ...recording,
      env: { ...recording.env, DOCKER_DEFAULT_PLATFORM: "linux/amd64" },
    });
    expect(finding(report, "docker-architecture")).toBe(
      "warn server linux/arm64 (kernel aarch64), containers linux/amd64",
    );
  });

  it("003-03 a Linux machine on Apple silicon whose entry is Rosetta's: by the interpreter and not by the CPU asked for", async () => {
    const rosetta = entry("/run/rosetta/rosetta", amd64);
    const arm = { "uname -srm": "Linux 6.10.14-linuxkit aarch64", "id -u": "0" };
    const files = {
      [`${table}/status`]: "enabled\n",
      [`${table}/rosetta`]: rosetta,
      "/run/rosetta/rosetta": "",
      "/proc/cpuinfo": "processor : 0\nCPU implementer\t: 0x61\n",
    };
    const report = await diagnose({
      commands: arm,
      runsForeign: true,
      folders: { [table]: ["register", "status", "rosetta"] },
      files,
    });
    expect(finding(report, "emulator")).toBe("ok linux/amd64: Rosetta");
    expect(finding(report, "qemu-version")).toContain("isn't QEMU");
    expect(finding(report, "apple-silicon")).toContain("an Apple CPU, aarch64");
    const qemu = {
      ...files,
      [`${table}/rosetta`]: entry("/usr/bin/qemu-x86_64", amd64),
      "/usr/bin/qemu-x86_64": "",
    };
    const other = await diagnose({
      commands: arm,
      runsForeign: true,
      folders: { [table]: ["register", "status", "rosetta"] },
      files: qemu,
    });
    expect(finding(other, "qemu-version")).not.toContain("isn't QEMU");
  });

  it("003-03 an amd64 container on Apple silicon: translated by Rosetta, as /proc/cpuinfo gives away", async () => {
    const cpuinfo = "processor\t: 0\nvendor_id\t: VirtualApple\nmodel name\t: VirtualApple @ 2.50GHz\n";
    const report = await diagnose({
      commands: { "uname -srm": "Linux 6.10.14-linuxkit x86_64", "id -u": "0" },
      files: { "/proc/cpuinfo": cpuinfo, "/.dockerenv": "" },
    });
    expect(finding(report, "emulator")).toBe("ok this process: run by Rosetta (CPU VirtualApple @ 2.50GHz)");
    expect(finding(report, "apple-silicon")).toContain("this is an amd64 container that Rosetta translates");
  });

  it("an amd64 container that an emulator runs: the CPU's own words are ARM's", async () => {
    const report = await diagnose({
      commands: { "uname -srm": "Linux 6.8.0 x86_64" },
      files: { "/proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\n" },
    });
    expect(finding(report, "emulator")).toBe("ok this process: run by an emulator");
  });

  it("WSL 2 with a credential helper of Docker Desktop, and WSL 1", async () => {
    const files = {
      "/proc/version": "Linux version 5.15.167.4-microsoft-standard-WSL2",
      "/home/ana/.docker/config.json": '{"credsStore":"desktop.exe"}',
    };
    const report = await diagnose({ commands: linux, files, env: { HOME: "/home/ana" } });
    expect(finding(report, "container")).toContain("WSL 2");
    expect(finding(report, "registry-credentials")).toBe(
      "warn desktop.exe: docker-credential-desktop.exe isn't in PATH",
    );
    const one = await diagnose({
      commands: linux,
      files: { "/proc/version": "Linux version 4.4.0-19041-Microsoft" },
    });
    expect(finding(one, "container")).toMatch(/^warn .*WSL 1$/);
    const emptied = await diagnose({
      commands: linux,
      files: { ...files, [`${table}/status`]: "enabled\n" },
      folders: { [table]: ["register", "status"] },
    });
    expect(finding(emptied, "wsl-interop")).toBe("warn it is gone");
    const interop = "enabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n";
    const whole = await diagnose({
      commands: linux,
      files: { ...files, [`${table}/status`]: "enabled\n", [`${table}/WSLInterop`]: interop },
      folders: { [table]: ["register", "status", "WSLInterop"] },
    });
    expect(finding(whole, "wsl-interop")).toBe("ok WSLInterop");
  });

  it("001-12 the autofs trap: a mount unit that mounts nothing, and the order of what is done about it", async () => {
    const files = {
      "/proc/self/mounts": `systemd-1 ${table} autofs rw 0 0\n`,
      "/proc/filesystems": "nodev\tbinfmt_misc\n",
    };
    const report = await diagnose({
      commands: { ...linux, "apt-get --version": "apt 2.6.1" },
      files,
      folders: { [table]: [] },
    });
    expect(finding(report, "binfmt-mounted")).toMatch(
      /^fail nothing is mounted at .*automount unit is there and doesn't mount it/,
    );
    const plan = planRepairs(report.checks);
    expect(plan.map(({ key }) => key)).toEqual(["mount-binfmt", "register-aarch64"]);
    expect(plan.flatMap(({ commands }) => commands)).toEqual([
      `sudo sh -c 'mount -t binfmt_misc binfmt_misc ${table}'`,
      "sudo sh -c 'apt-get update && apt-get install -y qemu-user-static binfmt-support'",
      "sudo sh -c 'systemctl restart systemd-binfmt 2>/dev/null || true'",
    ]);
  });

  it("001-03 001-17 where Docker answers, QEMU comes from a pinned image, after what was registered is taken away", async () => {
    const apple = appleWithDesktop({});
    const files = {
      [`${table}/status`]: "enabled\n",
      [`${table}/qemu-aarch64`]: entry("/usr/libexec/old", arm64, "OC"),
    };
    const commands = {
      ...apple.commands,
      ...linux,
      "docker info --format {{json .}}": JSON.stringify({
        Driver: "overlay2",
        OperatingSystem: "Ubuntu 24.04",
      }),
    };
    const report = await diagnose({
      commands,
      files,
      folders: { [table]: ["register", "status", "qemu-aarch64"] },
    });
    const fix = planRepairs(report.checks).find(({ key }) => key === "register-aarch64");
    expect(fix?.commands).toEqual([
      "docker run --privileged --rm tonistiigi/binfmt:qemu-v10.2.3-68 --uninstall qemu-aarch64",
      "docker run --privileged --rm tonistiigi/binfmt:qemu-v10.2.3-68 --install arm64",
    ]);
    expect(fix?.undo).toEqual([
      "docker run --privileged --rm tonistiigi/binfmt:qemu-v10.2.3-68 --uninstall qemu-aarch64",
      expect.stringMatching(
        /^sudo sh -c .*:\/usr\/libexec\/old:OC.* > \/proc\/sys\/fs\/binfmt_misc\/register/,
      ),
    ]);
  });

  it("Colima on Apple silicon: Rosetta by its profile, and a kernel that Rosetta crashed on", async () => {
    const apple = appleWithDesktop({});
    const server = { Version: "28.0.4", Os: "linux", Arch: "arm64", KernelVersion: "6.11.0-24-generic" };
    const colima = "unix:///Users/ana/.colima/default/docker.sock";
    const files = { "/Users/ana/.colima/default/colima.yaml": "vmType: vz\nrosetta: true\n" };
    const commands = {
      ...apple.commands,
      "docker version --format {{json .}}": JSON.stringify({ Client: { Version: "28.0.4" }, Server: server }),
      "docker info --format {{json .}}": JSON.stringify({
        Driver: "overlay2",
        OperatingSystem: "Ubuntu 24.04",
      }),
      "docker context ls --format json": JSON.stringify({
        Name: "colima",
        DockerEndpoint: colima,
        Current: true,
      }),
    };
    const report = await diagnose({ commands, files, env: { HOME: "/Users/ana" } });
    expect(finding(report, "emulator")).toBe(
      "warn linux/amd64: Rosetta, in Colima; its kernel 6.11.0-24-generic is one that Rosetta crashed on (nerdctl#3958)",
    );
    const down = await diagnose({
      commands: {
        ...commands,
        "docker version --format {{json .}}": JSON.stringify({ Client: { Version: "28.0.4" } }),
      },
      files: { ...files, "/Users/ana/.colima/default/docker.sock": "" },
      env: { HOME: "/Users/ana" },
    });
    expect(down.checks.find(({ id }) => id === "docker-server")?.fix?.commands).toEqual(["colima start"]);
  });

  it("a builder whose image brings a QEMU that breaks builds, where the kernel has none", async () => {
    const apple = appleWithDesktop({});
    const node = (version: string): string =>
      JSON.stringify({
        Name: "mine",
        Driver: "docker-container",
        Nodes: [
          {
            Name: "mine0",
            Endpoint: "unix:///d.sock",
            Status: "running",
            Version: version,
            Platforms: ["linux/amd64", "linux/arm64"],
          },
        ],
      });
    const diagnosed = (version: string): Promise<DoctorReport> =>
      diagnose({
        commands: { ...apple.commands, ...linux, "docker buildx ls --format json": node(version) },
        files: { [`${table}/status`]: "enabled\n" },
        folders: { [table]: ["register", "status"] },
      });
    expect(finding(await diagnosed("v0.28.1"), "builder-qemu")).toBe(
      "warn mine: QEMU 10.1.3 of BuildKit v0.28.1 runs linux/arm64: installing libc-bin crashes (tonistiigi/binfmt#298)",
    );
    expect(finding(await diagnosed("v0.31.0"), "builder-qemu")).toBe(
      "ok mine: QEMU 10.2.3 of BuildKit v0.31.0 runs linux/arm64",
    );
    expect(finding(await diagnosed("v0.12.0"), "builder-qemu")).toMatch(/^skip/);
  });

  it("001-12 a kernel that doesn't know the flag F: nothing is registered in vain", async () => {
    const files = {
      [`${table}/status`]: "enabled\n",
      [`${table}/qemu-aarch64`]: entry("/usr/bin/qemu-aarch64-static", arm64, ""),
    };
    const report = await diagnose({
      commands: { ...linux, "uname -srm": "Linux 3.10.0-1160.el7.x86_64 x86_64" },
      files,
      folders: { [table]: ["register", "status", "qemu-aarch64"] },
    });
    const found = report.checks.find(({ id }) => id === "binfmt-flags");
    expect(found).toMatchObject({ status: "fail" });
    expect(found?.found).toContain("not F, which the kernel 3.10.0-1160.el7.x86_64 doesn't know");
    expect(found?.fix).toBeUndefined();
  });

  it("Docker on another machine that doesn't answer, and a hanging one whose version only its command knows", async () => {
    const report = await diagnose({
      commands: {
        ...linux,
        "docker version --format {{json .}}": {
          code: 1,
          stderr: "Cannot connect to the Docker daemon at tcp://ci:2375. Is the docker daemon running?",
        },
        "docker --version": "Docker version 28.2.2, build e6534b4",
      },
      env: { DOCKER_HOST: "tcp://ci:2375" },
    });
    expect(finding(report, "docker-client")).toBe("ok docker 28.2.2");
    const server = report.checks.find(({ id }) => id === "docker-server");
    expect(server?.fix).toMatchObject({
      title: "start Docker behind tcp://ci:2375, or ask the one that is here",
      commands: ["unset DOCKER_HOST"],
    });
  });

  it("a kernel without binfmt_misc: nothing is offered that can't help", async () => {
    const files = { "/boot/config-6.8.0-60-generic": "# CONFIG_BINFMT_MISC is not set\n" };
    const report = await diagnose({ commands: linux, files });
    expect(finding(report, "binfmt-mounted")).toBe(
      "fail the kernel 6.8.0-60-generic has no binfmt_misc (CONFIG_BINFMT_MISC)",
    );
    expect(report.checks.find(({ id }) => id === "binfmt-mounted")?.fix).toBeUndefined();
  });

  it("rootless Docker, SELinux, podman's stand-in and a proxy that Docker lacks are named", async () => {
    const apple = appleWithDesktop({});
    const info = JSON.stringify({
      Driver: "overlay2",
      SecurityOptions: ["name=seccomp", "name=rootless"],
      CgroupVersion: "2",
    });
    const nodes = [
      {
        Name: "old0",
        Endpoint: "unix:///run/d.sock",
        Status: "running",
        Version: "v0.25.1",
        Platforms: ["linux/amd64", "linux/arm64"],
      },
    ];
    const report = await diagnose({
      commands: {
        ...apple.commands,
        ...linux,
        "docker info --format {{json .}}": info,
        getenforce: "Enforcing",
        "docker buildx ls --format json": JSON.stringify({
          Name: "old",
          Driver: "docker-container",
          Nodes: nodes,
        }),
      },
      files: {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
        "/proc/sys/user/max_user_namespaces": "15000\n",
      },
      env: { HTTPS_PROXY: "http://ana:secret@proxy.example:3128" },
    });
    expect(finding(report, "user-namespaces")).toMatch(/^warn Docker is rootless; AppArmor restricts/);
    expect(finding(report, "selinux")).toBe("warn enforcing, and BuildKit is older than 0.27 in old");
    expect(finding(report, "proxy")).toBe(
      "warn http://…@proxy.example:3128 here, none in Docker; see that old has --driver-opt env.HTTPS_PROXY too",
    );
    expect(JSON.stringify(report)).not.toContain("secret");
    const podman = await diagnose({
      commands: {
        ...linux,
        "docker version --format {{json .}}": "not json",
        "docker --version": "podman version 5.4.0",
      },
    });
    expect(finding(podman, "docker-client")).toBe("warn docker is podman's stand-in here");
  });
});

describe("binfmt entries", () => {
  it("match programs as the kernel does, whatever bits the mask leaves out", () => {
    const program = exitProgram(parsePlatform("linux/arm64")) ?? Buffer.alloc(0);
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        bytes,
        fc.integer({ min: 0, max: 30 }),
        fc.uint8Array({ minLength: 40, maxLength: 40 }),
        (noise, offset, bits) => {
          const window = Buffer.from(program.subarray(offset, offset + noise.length));
          const own = {
            name: "x",
            enabled: true,
            interpreter: "/q",
            flags: "F",
            offset,
            magic: window,
            mask: Buffer.from(bits),
          };
          expect(matches(own, program)).toBe(true);
          const changed = Buffer.from(window.map((byte, index) => byte ^ (noise[index] ?? 0)));
          const differs = changed.some(
            (byte, index) => ((byte ^ (window[index] ?? 0)) & (bits[index] ?? 0)) !== 0,
          );
          expect(matches({ ...own, magic: changed }, program)).toBe(!differs);
        },
      ),
    );
  });

  it("are read, and written as they were", () => {
    const read = parseEntry("qemu-aarch64", entry("/usr/bin/qemu aarch64", arm64, "OCF"));
    expect(read).toMatchObject({ enabled: true, interpreter: "/usr/bin/qemu aarch64", flags: "OCF" });
    if (read === undefined) return;
    expect(registrationOf(read)).toBe(
      `:qemu-aarch64:M::${escaped(Buffer.from(arm64, "hex"))}:${escaped(Buffer.from(mask, "hex"))}:/usr/bin/qemu aarch64:OCF`,
    );
    expect(
      parseEntry("java", "enabled\ninterpreter /usr/bin/java\nflags: \nextension .class\n"),
    ).toBeUndefined();
  });
});

describe("versions of QEMU", () => {
  it("are compared by numbers, and known where they break", () => {
    expect(compare("10.1.3", "9.2")).toBeGreaterThan(0);
    for (const version of ["2.11.1", "5.2.0", "6.1.0", "8.1.5", "9.2.2", "10.1.3"])
      expect(brokenWith(version)).toBeDefined();
    for (const version of ["6.2.0", "7.2.22", "8.2.0", "9.2.4", "10.0.4", "10.2.3", "11.0.0"])
      expect(brokenWith(version)).toBeUndefined();
  });
});
