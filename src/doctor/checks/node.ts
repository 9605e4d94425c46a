import type { Check } from "../check.ts";
import { machine } from "../facts/machine.ts";

export const check: Check = {
  id: "node",
  title: "Node.js itself",
  group: "machine",
  expected: "20.19 or newer, 22.12 or newer, of the machine's own architecture",
  why: "anyarch needs nothing else to assemble images. A Node.js for another CPU works, by translation, and takes the wrong platform for the local one.",
  measured: "process.version, process.arch, uname -m",
  async examine(x) {
    if (!x.probe.local) return { status: "skip", found: "anyarch runs on another machine" };
    const { version, arch } = process;
    const { native } = await x.fact(machine);
    const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
    const enough = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
    const found = `${version} for ${arch}`;
    if (!enough) return { status: "fail", found };
    const own = { x64: "amd64", ia32: "386" }[arch as string] ?? arch;
    return own === native.architecture
      ? { status: "ok", found }
      : { status: "warn", found: `${found} on ${native.architecture}` };
  },
};
