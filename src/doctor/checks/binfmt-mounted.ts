import type { Check, Finding } from "../check.ts";
import { binfmt, binfmtTable } from "../facts/binfmt.ts";
import { foreignPlatforms, severity } from "../facts/emulation.ts";
import { machine, sysAdmin } from "../facts/machine.ts";
import { asRoot, switchOff, switchOn } from "../fixes/register-qemu.ts";

export const check: Check = {
  id: "binfmt-mounted",
  title: "The kernel's table of interpreters is there",
  group: "emulation",
  expected: `${binfmtTable}/status says "enabled"`,
  why: "binfmt_misc is how the kernel finds QEMU for a program of another CPU; without its file system nothing can be registered.",
  measured: `${binfmtTable}, /proc/self/mounts, /proc/filesystems, /boot/config-*, modprobe -n`,
  async examine(x) {
    const { os, kernel, container, uid, capabilities } = await x.fact(machine);
    if (os !== "linux") return { status: "skip", found: "the table is in Docker's virtual machine" };
    const table = await x.fact(binfmt);
    if (table.mounted && table.enabled)
      return { status: "ok", found: `${table.entries.length} interpreters by magic` };
    const foreign = (await x.fact(foreignPlatforms)).filter(({ runs }) => !runs);
    if (foreign.length === 0)
      return {
        status: table.mounted ? "warn" : "ok",
        found: "it isn't needed here: all asked platforms run",
      };
    const status = foreign.some((each) => severity(each) === "fail") ? "fail" : "warn";
    if (table.mounted)
      return {
        status,
        found: "the whole table is switched off",
        fix: {
          key: "enable-binfmt",
          title: "switch the table on",
          why: "The kernel looks at no entry while the file status says disabled.",
          commands: [switchOn("status", uid)],
          undo: [switchOff("status", uid)],
          automatic: true,
          order: 10,
        },
      };
    if (table.supported === false)
      return {
        status,
        found: `the kernel ${kernel} has no binfmt_misc (CONFIG_BINFMT_MISC)`,
        why: `${check.why} Use a builder that runs the platform natively, or another kernel.`,
      };
    if (container !== undefined && capabilities !== undefined && (capabilities & sysAdmin) === 0n)
      return unprivileged(status);
    const command = `mount -t binfmt_misc binfmt_misc ${binfmtTable}`;
    const trap = table.automount
      ? "; its automount unit is there and doesn't mount it (Amazon Linux, Azure Linux)"
      : "";
    return {
      status,
      found: `nothing is mounted at ${binfmtTable}${trap}`,
      fix: {
        key: "mount-binfmt",
        title: "mount binfmt_misc",
        why: "Mounting loads the kernel's module and shows its table, with what was registered before.",
        commands: [asRoot(command, uid)],
        undo: [asRoot(`umount ${binfmtTable}`, uid)],
        automatic: true,
        order: 10,
      },
    };
  },
};

function unprivileged(status: "fail" | "warn"): Finding {
  return {
    status,
    found: "this container may neither see the table nor change it",
    why: `${check.why} A container shares its host's table: register QEMU on the host, or run this container with --privileged.`,
  };
}
