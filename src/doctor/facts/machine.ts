import { normalizePlatform, type Platform } from "../../oci/platform.ts";
import type { Examination } from "../check.ts";
import { exists, said, textOf } from "../probe.ts";

/** What kind of machine it is. */
export interface Machine {
  readonly os: "linux" | "darwin" | "other";
  /** "6.8.0-45-generic" */
  readonly kernel: string;
  /** As uname -m says: "x86_64". */
  readonly machine: string;
  /** What its CPU runs, as a platform of Linux containers. */
  readonly native: Platform;
  /** Undefined where it can't be told. */
  readonly uid: number | undefined;
  /** Undefined outside of containers. */
  readonly container: "docker" | "podman" | "kubernetes" | "a container" | undefined;
  readonly wsl: "1" | "2" | undefined;
  /** Whether root here is a plain user of the machine. */
  readonly userNamespace: boolean;
  /** Effective capabilities; undefined where /proc doesn't tell. */
  readonly capabilities: bigint | undefined;
  /** What runs this system's programs on another CPU, where the CPU gives it away. */
  readonly translatedBy: "Rosetta" | "an emulator" | undefined;
  /** Whether the CPU is Apple's. */
  readonly apple: boolean;
  readonly cpu: string;
}

export const sysAdmin = 1n << 21n;

export async function machine({ probe }: Examination): Promise<Machine> {
  const [system = "", kernel = "", name = ""] = ((await said(probe, "uname", ["-srm"])) ?? "").split(" ");
  const os = system === "Linux" ? "linux" : system === "Darwin" ? "darwin" : "other";
  const [id, status, uidMap, version, cpuinfo, cgroup] = await Promise.all([
    said(probe, "id", ["-u"]),
    textOf(probe, "/proc/self/status"),
    textOf(probe, "/proc/self/uid_map"),
    textOf(probe, "/proc/version"),
    textOf(probe, "/proc/cpuinfo"),
    textOf(probe, "/proc/1/cgroup"),
  ]);
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const brand =
    os === "darwin" ? ((await said(probe, "sysctl", ["-n", "machdep.cpu.brand_string"])) ?? "") : "";
  const translated =
    os === "darwin" && (await said(probe, "sysctl", ["-n", "sysctl.proc_translated"])) === "1";
  const model = /^(?:model name|Model|uarch)\s*:\s*(.+)$/m.exec(cpuinfo)?.[1]?.trim() ?? brand;
  const rosetta = cpuinfo.includes("VirtualApple") || translated;
  const foreignCpu = name === "x86_64" && /^CPU implementer/m.test(cpuinfo);
  const appleCpu = brand.startsWith("Apple") || /^CPU implementer\s*:\s*0x61$/m.test(cpuinfo);
  return {
    os,
    kernel,
    machine: name,
    native: normalizePlatform({ os: "linux", architecture: name === "" ? "unknown" : name }),
    uid: id === undefined || !/^\d+$/.test(id) ? undefined : Number(id),
    container: await containerKind(probe, cgroup),
    wsl: /microsoft/i.test(version) ? (/WSL2|microsoft-standard/.test(version) ? "2" : "1") : undefined,
    userNamespace: mapsRootElsewhere(uidMap),
    capabilities: effective === undefined ? undefined : BigInt(`0x${effective}`),
    translatedBy: rosetta ? "Rosetta" : foreignCpu ? "an emulator" : undefined,
    apple: rosetta || appleCpu,
    cpu: model,
  };
}

function mapsRootElsewhere(uidMap: string): boolean {
  const [, outside] = uidMap.trim().split(/\s+/);
  return outside !== undefined && outside !== "0";
}

async function containerKind(probe: Examination["probe"], cgroup: string): Promise<Machine["container"]> {
  if (probe.env("KUBERNETES_SERVICE_HOST") || /\bkubepods\b/.test(cgroup)) return "kubernetes";
  if (await exists(probe, "/.dockerenv")) return "docker";
  if ((await exists(probe, "/run/.containerenv")) || /\blibpod\b/.test(cgroup)) return "podman";
  if (probe.env("container") || /\b(?:docker|containerd)\b/.test(cgroup)) return "a container";
  return undefined;
}
