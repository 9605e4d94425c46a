import type { Check, Finding } from "../check.ts";
import { consequence, foreignPlatforms, severity } from "../facts/emulation.ts";
import { foreignRun } from "../facts/foreign-run.ts";
import { registerQemu } from "../fixes/register-qemu.ts";

export const check: Check = {
  id: "foreign-run",
  title: "Programs of foreign platforms really run",
  group: "emulation",
  expected: "a tiny program of the platform ends with 0",
  why: "Tables can look right and not work; installers of QEMU end with success when they failed. Only a program that runs is a proof.",
  measured: "an ELF file of some hundred bytes, written to a temporary directory, run and removed",
  async examine(x) {
    const foreign = await x.fact(foreignPlatforms);
    if (foreign.length === 0)
      return { status: "skip", found: "no foreign platform is asked for, or none is emulated here" };
    return Promise.all(
      foreign.map(async (each): Promise<Finding> => {
        const subject = each.name;
        const { outcome, detail } = await x.fact(foreignRun(each.platform));
        if (outcome === "runs") return { status: "ok", subject, found: detail };
        if (outcome === "unknown") return { status: "skip", subject, found: detail };
        // Where an entry is only switched off, or none can be seen, other checks have the better advice.
        const usable = each.entries[0]?.enabled === true;
        const fix = usable ? await registerQemu(each.platform, x) : undefined;
        return {
          status: severity(each),
          subject,
          found: detail,
          why: `${check.why}${consequence(each)}`,
          ...(fix !== undefined && { fix }),
        };
      }),
    );
  },
};
