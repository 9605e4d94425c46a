import { samePlatform } from "../../oci/platform.ts";
import type { Check, Examination, Finding } from "../check.ts";
import { docker } from "../facts/docker.ts";
import { foreignPlatforms } from "../facts/emulation.ts";
import { compare, examineInterpreter } from "../facts/interpreter.ts";
import { machine } from "../facts/machine.ts";
import { exists, textOf } from "../probe.ts";

export const check: Check = {
  id: "emulator",
  title: "What runs foreign programs: Rosetta or QEMU",
  group: "emulation",
  expected: "Rosetta for amd64 on Apple silicon, QEMU elsewhere",
  why: "Rosetta translates amd64 to arm64 at a fraction of QEMU's cost, and only that pair; faults of the two differ, so that advice for one is wrong for the other.",
  measured:
    "the interpreter of the entry that matches (/run/rosetta/rosetta or qemu-*), /proc/sys/fs/binfmt_misc/rosetta, VirtualApple in /proc/cpuinfo; on macOS the settings of Docker Desktop, Colima and Lima",
  async examine(x) {
    const facts = await x.fact(machine);
    if (facts.os === "darwin") return onMac(x);
    if (facts.translatedBy !== undefined)
      return {
        status: "ok",
        subject: "this process",
        found: `run by ${facts.translatedBy}${facts.cpu === "" ? "" : ` (CPU ${facts.cpu})`}`,
      };
    const matched = (await x.fact(foreignPlatforms)).filter(({ entries }) => entries[0]?.enabled === true);
    if (matched.length === 0) return { status: "skip", found: "no entry matches an asked platform" };
    return Promise.all(
      matched.map(async ({ name, entries }): Promise<Finding> => {
        const [entry] = entries;
        const program = await examineInterpreter(entry?.interpreter ?? "", x);
        const kind =
          entry?.name === "rosetta"
            ? "Rosetta"
            : program.kind === "other"
              ? (entry?.interpreter ?? "")
              : program.kind;
        return {
          status: "ok",
          subject: name,
          found: `${kind}${program.version === undefined ? "" : ` ${program.version}`}`,
        };
      }),
    );
  },
};

/** The table is in the virtual machine; what was chosen for it is in files here. */
async function onMac(x: Examination): Promise<Finding> {
  const { machine: cpu, apple } = await x.fact(machine);
  if (!apple) return { status: "ok", found: `${cpu}: amd64 is native, the rest is emulated by QEMU` };
  const { desktop, endpoint, server } = await x.fact(docker);
  const amd64 = x.platforms.some((platform) =>
    samePlatform(platform, { os: "linux", architecture: "amd64" }),
  );
  const rosetta = await usesRosetta(desktop, endpoint, x);
  if (rosetta === undefined)
    return { status: "skip", found: `${desktop ?? "the virtual machine"} doesn't say` };
  if (rosetta) {
    const found = `Rosetta, in ${desktop ?? "the virtual machine"}`;
    const risky = desktop === "Colima" && compare(server?.kernel ?? "0", "6.11") >= 0;
    const note = risky
      ? `; its kernel ${server?.kernel ?? ""} is one that Rosetta crashed on (nerdctl#3958)`
      : "";
    return { status: risky ? "warn" : "ok", subject: "linux/amd64", found: `${found}${note}` };
  }
  return {
    status: amd64 ? "warn" : "ok",
    subject: "linux/amd64",
    found: `QEMU, in ${desktop ?? "the virtual machine"}; Rosetta is off`,
    ...(desktop === "Docker Desktop" && {
      why: `${check.why} Docker Desktop up to 4.55 at least brings QEMU 8.1.5, which is known for crashes of ldconfig (docker/for-win#15004).`,
    }),
    fix: {
      key: "rosetta",
      title: "let Rosetta translate amd64",
      why: "Rosetta needs Apple's virtualization framework: the virtual machine is started anew with it.",
      commands:
        desktop === "Colima"
          ? ["colima stop", "colima start --vm-type vz --vz-rosetta"]
          : [
              "softwareupdate --install-rosetta --agree-to-license",
              "# Docker Desktop: Settings, General: Apple Virtualization framework, and Use Rosetta for x86_64/amd64 emulation",
            ],
      undo: [],
      automatic: false,
      order: 5,
    },
  };
}

async function usesRosetta(
  desktop: string | undefined,
  endpoint: string,
  { probe }: Examination,
): Promise<boolean | undefined> {
  const home = probe.env("HOME") ?? "";
  if (desktop === "OrbStack") return true; // Its only way to run amd64 on Apple silicon.
  if (desktop === "Colima") {
    const profile = /\.colima\/([^/]+)\//.exec(endpoint)?.[1] ?? "default";
    const text = await textOf(probe, `${home}/.colima/${profile}/colima.yaml`);
    return text === "" ? undefined : /^rosetta:\s*true/m.test(text) && /^vmType:\s*vz/m.test(text);
  }
  const folder = `${home}/Library/Group Containers/group.com.docker`;
  const file = (await exists(probe, `${folder}/settings-store.json`))
    ? "settings-store.json"
    : "settings.json";
  const text = await textOf(probe, `${folder}/${file}`);
  if (text === "") return undefined;
  return (
    /"useVirtualizationFrameworkRosetta"\s*:\s*true/i.test(text) &&
    !/"useVirtualizationFramework"\s*:\s*false/i.test(text)
  );
}
