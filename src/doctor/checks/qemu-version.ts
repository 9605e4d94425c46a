import type { Check, Finding } from "../check.ts";
import { foreignPlatforms } from "../facts/emulation.ts";
import { brokenWith, compare, examineInterpreter } from "../facts/interpreter.ts";
import { registerQemu } from "../fixes/register-qemu.ts";

export const check: Check = {
  id: "qemu-version",
  title: "QEMU isn't one that is known to break builds",
  group: "emulation",
  expected: "a version from 6.2 that no breakage is known of",
  why: "Most crashes of builds under emulation are bugs of one QEMU version. With the flag F the kernel keeps the QEMU that was there at registration: an upgrade of the package takes effect only when it is registered again.",
  measured: "the interpreter's --version; what is pinned by F may be older than its file",
  async examine(x) {
    const matched = (await x.fact(foreignPlatforms)).filter(({ entries }) => entries[0]?.enabled === true);
    if (matched.length === 0) return { status: "skip", found: "no entry matches an asked platform" };
    return Promise.all(
      matched.map(async (each): Promise<Finding> => {
        const subject = each.name;
        const [entry] = each.entries;
        const { kind, version } = await examineInterpreter(entry?.interpreter ?? "", x);
        if (kind !== "QEMU")
          return { status: "skip", subject, found: `${entry?.interpreter ?? ""} isn't QEMU` };
        if (version === undefined)
          return {
            status: "skip",
            subject,
            found: `the version of ${entry?.interpreter ?? ""} can't be told from here`,
          };
        const breakage = brokenWith(version);
        if (breakage !== undefined) {
          const fix = await registerQemu(each.platform, x);
          return {
            status: "warn",
            subject,
            found: `QEMU ${version}: ${breakage}`,
            ...(fix !== undefined && { fix }),
          };
        }
        const note =
          compare(version, "10") < 0 ? "; before 10 programs of Debian 13 run several times slower" : "";
        return { status: "ok", subject, found: `QEMU ${version}${note}` };
      }),
    );
  },
};
