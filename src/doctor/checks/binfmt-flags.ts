import type { Check, Finding } from "../check.ts";
import { foreignPlatforms, severity } from "../facts/emulation.ts";
import { compare } from "../facts/interpreter.ts";
import { machine } from "../facts/machine.ts";
import { registerQemu } from "../fixes/register-qemu.ts";

/** Linux before doesn't take the flag F. */
const oldest = "4.8";

export const check: Check = {
  id: "binfmt-flags",
  title: "Interpreters work inside of containers",
  group: "emulation",
  expected: "the flag F; C as well for sudo and other setuid programs, P for programs that go by their name",
  why: "Without F the kernel looks for the interpreter's path in the container's own file system, where it isn't: programs run on the host and fail in every container and build.",
  measured: 'the line "flags:" of each entry that matches an asked platform',
  async examine(x) {
    const matched = (await x.fact(foreignPlatforms)).filter(({ entries }) => entries[0]?.enabled === true);
    if (matched.length === 0) return { status: "skip", found: "no entry matches an asked platform" };
    return Promise.all(
      matched.map(async (each): Promise<Finding> => {
        const enabled = each.entries.filter((entry) => entry.enabled);
        const bad = enabled.find(({ flags }) => !flags.includes("F"));
        const subject = each.name;
        if (bad === undefined) {
          const { flags } = enabled[0] ?? { flags: "" };
          const lacks = [
            ...(flags.includes("C") ? [] : ["C (sudo doesn't work under emulation)"]),
            ...(flags.includes("P") ? [] : ["P (programs may not see the name they were called by)"]),
          ];
          return {
            status: "ok",
            subject,
            found: [`flags ${flags}`, ...(lacks.length > 0 ? [`without ${lacks.join(" and ")}`] : [])].join(
              ", ",
            ),
          };
        }
        const found = `${bad.name} has the flags "${bad.flags}" and not F`;
        const { kernel } = await x.fact(machine);
        if (compare(kernel, oldest) < 0)
          return {
            status: severity(each),
            subject,
            found: `${found}, which the kernel ${kernel} doesn't know`,
            why: `${check.why} The flag came with Linux ${oldest}: use a newer kernel, or a builder that runs the platform natively.`,
          };
        const fix = await registerQemu(each.platform, x);
        return {
          status: severity(each),
          subject,
          found,
          ...(fix !== undefined && { fix }),
        };
      }),
    );
  },
};
