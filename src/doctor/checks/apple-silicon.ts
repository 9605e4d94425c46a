import { samePlatform } from "../../oci/platform.ts";
import type { Check } from "../check.ts";
import { docker } from "../facts/docker.ts";
import { machine } from "../facts/machine.ts";

export const check: Check = {
  id: "apple-silicon",
  title: "Apple silicon",
  group: "machine",
  expected: "arm64 natively, programs of this very CPU, amd64 by Rosetta or on a builder of its own",
  why: "On Apple silicon containers are linux/arm64; linux/amd64 is translated by Rosetta where the virtual machine offers it (Apple's virtualization framework), else emulated by QEMU, which is several times slower and fails where Rosetta doesn't. Apple's CPUs have no 32-bit mode: linux/arm/v7 is always emulated.",
  measured:
    "uname -m, sysctl (machdep.cpu.brand_string, sysctl.proc_translated), /proc/cpuinfo (CPU implementer 0x61, VirtualApple), docker info",
  async examine(x) {
    const { apple, os, translatedBy, cpu, machine: name } = await x.fact(machine);
    if (!apple) return { status: "skip", found: "not an Apple CPU" };
    const { desktop, server, containerdStore } = await x.fact(docker);
    const found = `${cpu || "an Apple CPU"}, ${name}${desktop === undefined ? "" : `, ${desktop}`}${server === undefined ? "" : `, containers ${server.arch}`}`;
    if (os === "darwin" && translatedBy === "Rosetta")
      return {
        status: "warn",
        found: `${found}; this process itself is an x86-64 one that Rosetta translates`,
        why: `${check.why} Install Node.js for arm64: tools that ask for "the local platform" take it for linux/amd64 otherwise.`,
      };
    if (translatedBy === "Rosetta")
      return {
        status: "warn",
        found: `${found}; this is an amd64 container that Rosetta translates`,
        why: `${check.why} Use the arm64 image of this container, unless amd64 is what is tested.`,
      };
    const amd64 = x.platforms.some((platform) =>
      samePlatform(platform, { os: "linux", architecture: "amd64" }),
    );
    if (!amd64) return { status: "ok", found };
    const store =
      desktop === "Docker Desktop" && containerdStore
        ? '; should its programs end with "exec format error", use the classic image store or a builder for amd64 (docker/desktop-feedback#498)'
        : "";
    return { status: "ok", found: `${found}; linux/amd64 is translated or emulated here${store}` };
  },
};
