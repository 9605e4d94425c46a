import type { Check, Finding } from "../check.ts";
import type { BinfmtEntry } from "../facts/binfmt.ts";
import { foreignPlatforms, severity } from "../facts/emulation.ts";
import { examineInterpreter, type Interpreter } from "../facts/interpreter.ts";
import { machine } from "../facts/machine.ts";
import { registerQemu } from "../fixes/register-qemu.ts";

export const check: Check = {
  id: "binfmt-interpreter",
  title: "The registered interpreters can be run",
  group: "emulation",
  expected: "a program for this machine's own CPU, linked statically",
  why: 'The kernel runs the interpreter in place of the program: one that is missing gives "no such file or directory" for a file that is there, and one that needs a dynamic loader doesn\'t find it in a container.',
  measured: "the interpreter's file: its ELF header and program headers",
  async examine(x) {
    const matched = (await x.fact(foreignPlatforms)).filter(({ entries }) => entries[0]?.enabled === true);
    if (matched.length === 0) return { status: "skip", found: "no entry matches an asked platform" };
    const { machine: cpu } = await x.fact(machine);
    return Promise.all(
      matched.map(async (each): Promise<Finding> => {
        const subject = each.name;
        const faults: string[] = [];
        const notes: string[] = [];
        for (const entry of each.entries.filter(({ enabled }) => enabled)) {
          const program = await examineInterpreter(entry.interpreter, x);
          const fault = faultOf(entry, program, cpu, each.runs);
          if (fault === undefined) notes.push(noteOf(entry, program));
          else faults.push(fault);
        }
        const [fault] = faults;
        if (fault === undefined) return { status: "ok", subject, found: notes.join("; ") };
        const fix = await registerQemu(each.platform, x);
        return {
          status: each.runs ? "warn" : severity(each),
          subject,
          found: fault,
          ...(fix !== undefined && { fix }),
        };
      }),
    );
  },
};

function faultOf(entry: BinfmtEntry, program: Interpreter, cpu: string, runs: boolean): string | undefined {
  const { interpreter, flags, name } = entry;
  const pinned = flags.includes("F");
  // With F the kernel has it open, wherever it came from: from a container's image, most often.
  if (!program.exists) return pinned && runs ? undefined : `${name} names ${interpreter}, which isn't there`;
  if (program.native === false)
    return `${interpreter} is for ${program.machine ?? "another CPU"}, this machine is ${cpu}`;
  if (program.isStatic === false && !(pinned && runs))
    return `${interpreter} is linked dynamically, so that it can't run in containers`;
  if (program.isStatic === false)
    return `${interpreter} is linked dynamically: in containers its loader is missing`;
  return undefined;
}

function noteOf({ interpreter }: BinfmtEntry, program: Interpreter): string {
  if (!program.exists)
    return `${interpreter}, kept open by the kernel (flag F; the file itself isn't on this machine)`;
  return `${interpreter}${program.isStatic === true ? ", static" : ""}`;
}
