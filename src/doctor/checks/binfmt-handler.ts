import type { Check, Finding, Fix } from "../check.ts";
import { binfmt, binfmtTable } from "../facts/binfmt.ts";
import { consequence, type Foreign, foreignPlatforms, severity } from "../facts/emulation.ts";
import { qemuName } from "../facts/interpreter.ts";
import { machine } from "../facts/machine.ts";
import { registerQemu, switchOff, switchOn } from "../fixes/register-qemu.ts";

export const check: Check = {
  id: "binfmt-handler",
  title: "An interpreter is registered for each foreign platform",
  group: "emulation",
  expected: "an enabled entry whose magic and mask match the platform's ELF header",
  why: 'The kernel goes by the bytes of the program, not by the entry\'s name: an entry called qemu-aarch64 with another magic is never used, and a program without a match ends with "exec format error".',
  measured: `every file of ${binfmtTable}, matched with the header of a real program as the kernel does`,
  async examine(x) {
    const foreign = await x.fact(foreignPlatforms);
    if (foreign.length === 0)
      return { status: "skip", found: "no foreign platform is asked for, or none is emulated here" };
    const { uid } = await x.fact(machine);
    const table = await x.fact(binfmt);
    return Promise.all(
      foreign.map(async (each): Promise<Finding> => {
        const [entry] = each.entries;
        const subject = each.name;
        if (entry?.enabled === true)
          return { status: "ok", subject, found: `${entry.name} → ${entry.interpreter}` };
        // In a container the table may be out of sight; it is the host's all the same.
        if (each.runs)
          return {
            status: "ok",
            subject,
            found: "its programs run, by a table that can't be seen from here",
          };
        const why = `${check.why}${consequence(each)}`;
        if (entry !== undefined) {
          const fix: Fix = {
            key: `enable-${entry.name}`,
            title: `switch ${entry.name} on`,
            why: "A disabled entry is kept but not looked at; writing 1 to its file enables it.",
            commands: [switchOn(entry.name, uid)],
            undo: [switchOff(entry.name, uid)],
            automatic: true,
            order: 15,
          };
          return { status: severity(each), subject, found: `${entry.name} is there but disabled`, why, fix };
        }
        const fix = await registerQemu(each.platform, x);
        const found = table.mounted ? absent(each, table.entries) : "no table, so no entry";
        return { status: severity(each), subject, found, why, ...(fix !== undefined && { fix }) };
      }),
    );
  },
};

function absent({ platform, name }: Foreign, entries: readonly { readonly name: string }[]): string {
  const called = `qemu-${qemuName(platform) ?? ""}`;
  return entries.some((entry) => entry.name === called)
    ? `${called} is registered, but its magic doesn't match programs for ${name}`
    : "no entry matches its programs";
}
