import type { Check } from "../check.ts";
import { binfmt, binfmtTable } from "../facts/binfmt.ts";
import { machine } from "../facts/machine.ts";
import { asRoot } from "../fixes/register-qemu.ts";

export const check: Check = {
  id: "wsl-interop",
  title: "WSL's own entry for Windows programs",
  group: "emulation",
  expected: "an enabled entry WSLInterop beside those of QEMU",
  why: "WSL runs Windows programs by the same table: docker-credential-desktop.exe and wsl.exe among them. Who empties the table, or lets systemd-binfmt fill it anew, takes that entry away.",
  measured: `${binfmtTable}/WSLInterop, WSLInterop-late`,
  async examine(x) {
    const { wsl, uid } = await x.fact(machine);
    if (wsl !== "2") return { status: "skip", found: "not in WSL 2" };
    const table = await x.fact(binfmt);
    if (!table.mounted) return { status: "skip", found: "no table" };
    const entry = table.entries.find(({ name }) => name.startsWith("WSLInterop"));
    if (entry?.enabled === true) return { status: "ok", found: entry.name };
    return {
      status: "warn",
      found: entry === undefined ? "it is gone" : `${entry.name} is there but disabled`,
      fix: {
        key: "wsl-interop",
        title: "register it again",
        why: "/init is WSL's own program that hands them to Windows. protectBinfmt=true in wsl.conf ([boot]) keeps systemd from taking it away.",
        commands: [asRoot(`printf %s ':WSLInterop:M::MZ::/init:PF' > ${binfmtTable}/register`, uid)],
        undo: [asRoot(`printf %s -1 > ${binfmtTable}/WSLInterop`, uid)],
        automatic: false,
        order: 20,
      },
    };
  },
};
