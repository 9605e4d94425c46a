import { exitProgram } from "../../buildkit/probe-program.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import type { Examination, Fix } from "../check.ts";
import {
  binfmt,
  binfmtTable,
  type BinfmtEntry,
  entriesFor,
  escaped,
  registrationOf,
} from "../facts/binfmt.ts";
import { docker } from "../facts/docker.ts";
import { brokenWith, examineInterpreter, qemuName } from "../facts/interpreter.ts";
import { machine, sysAdmin } from "../facts/machine.ts";
import { said, shellWord } from "../probe.ts";

/** Registers QEMU 10.2.3 for what it is asked for; $ANYARCH_BINFMT_IMAGE names another. */
const pinnedImage = "tonistiigi/binfmt:qemu-v10.2.3-68";

/**
 * O: QEMU gets the opened program; C: setuid programs (sudo) keep their rights; P: the program's own name; F: QEMU is
 * opened at registration, so that containers need not have it.
 */
const flags = "POCF";

const why =
  "The kernel hands programs of another CPU to the interpreter that is registered for their ELF header. With the flag F it opens QEMU when it is registered and keeps it open, so that it works inside of containers and builders, whose file systems don't have it.";

/**
 * Makes programs of the platform run: by a static QEMU that is here already, by the pinned image where Docker may do
 * it, else by the distribution's package. What matched before and was of no use is replaced. Undefined where nothing
 * can be registered (macOS, an unknown CPU).
 */
export async function registerQemu(platform: Platform, x: Examination): Promise<Fix | undefined> {
  const name = qemuName(platform);
  const program = exitProgram(platform);
  const facts = await x.fact(machine);
  if (name === undefined || program === undefined) return undefined;
  const common = {
    key: `register-${name}`,
    why,
    order: 20,
    title: `register QEMU for ${formatPlatform(platform)}`,
  };
  const table = await x.fact(binfmt);
  const obsolete = table.entries.filter(
    (entry) => entriesFor(table, platform).includes(entry) || entry.name === `qemu-${name}`,
  );
  const here = facts.os === "linux" && mayWrite(facts) ? await staticQemu(name, obsolete, x) : undefined;
  if (here !== undefined)
    return {
      ...common,
      ...registerHere({ name, program, qemu: here, obsolete }, facts.uid),
      automatic: true,
    };
  const byDocker = await registerByDocker(platform, obsolete, x);
  if (byDocker !== undefined) return { ...common, ...byDocker, automatic: true };
  if (facts.os !== "linux") return undefined;
  const byPackage = await registerByPackage(name, obsolete, facts.uid, x);
  if (byPackage !== undefined) return { ...common, ...byPackage };
  return {
    ...common,
    commands: [imageCommand(x, `--install ${platform.architecture}`)],
    undo: [],
    automatic: false,
  };
}

function mayWrite({
  uid,
  capabilities,
}: {
  readonly uid: number | undefined;
  readonly capabilities: bigint | undefined;
}): boolean {
  return uid !== 0 || capabilities === undefined || (capabilities & sysAdmin) !== 0n;
}

/** A QEMU on the machine that containers can use and that nothing bad is known of. */
async function staticQemu(
  name: string,
  known: readonly BinfmtEntry[],
  x: Examination,
): Promise<string | undefined> {
  const found = await Promise.all(
    [`qemu-${name}-static`, `qemu-${name}`].map((program) =>
      said(x.probe, "sh", ["-c", `command -v ${program}`]),
    ),
  );
  const paths = [...found, ...known.map(({ interpreter }) => interpreter), `/usr/bin/qemu-${name}-static`];
  for (const path of new Set(paths)) {
    if (!path?.startsWith("/")) continue;
    const qemu = await examineInterpreter(path, x);
    const fits =
      qemu.native === true && qemu.isStatic === true && qemu.kind === "QEMU" && path.includes(`qemu-${name}`);
    if (fits && qemu.version !== undefined && brokenWith(qemu.version) === undefined) return path;
  }
  return undefined;
}

function registerHere(
  {
    name,
    program,
    qemu,
    obsolete,
  }: {
    readonly name: string;
    readonly program: Buffer;
    readonly qemu: string;
    readonly obsolete: readonly BinfmtEntry[];
  },
  uid: number | undefined,
): Pick<Fix, "commands" | "undo"> {
  const line = registration(`qemu-${name}`, program, qemu);
  return {
    commands: [...obsolete.map((entry) => write("-1", entry.name, uid)), write(line, "register", uid)],
    undo: [
      write("-1", `qemu-${name}`, uid),
      ...obsolete.map((entry) => write(registrationOf(entry), "register", uid)),
    ],
  };
}

/** What tells the platform's programs from others: all of the ELF header up to e_machine, but for the ABI and whether it is position independent. */
function registration(name: string, program: Buffer, qemu: string): string {
  const magic = Buffer.from(program.subarray(0, 20));
  const mask = Buffer.alloc(20, 0xff);
  mask[7] = 0;
  mask[magic[5] === 2 ? 17 : 16] = 0xfe;
  magic[7] = 0;
  return `:${name}:M::${escaped(magic)}:${escaped(mask)}:${qemu}:${flags}`;
}

/** A line that writes to the table; by root, else by sudo. */
function write(text: string, file: string, uid: number | undefined): string {
  const line = `printf %s ${shellWord(text)} > ${shellWord(`${binfmtTable}/${file}`)}`;
  return asRoot(line, uid);
}

export function asRoot(line: string, uid: number | undefined): string {
  return uid === 0 ? line : `sudo sh -c ${shellWord(line)}`;
}

export function switchOn(name: string, uid: number | undefined): string {
  return write("1", name, uid);
}

export function switchOff(name: string, uid: number | undefined): string {
  return write("0", name, uid);
}

function imageCommand({ ctx }: Examination, args: string): string {
  const image = ctx.host.env["ANYARCH_BINFMT_IMAGE"] || pinnedImage;
  return `docker run --privileged --rm ${shellWord(image)} ${args}`;
}

async function registerByDocker(
  platform: Platform,
  obsolete: readonly BinfmtEntry[],
  x: Examination,
): Promise<Pick<Fix, "commands" | "undo"> | undefined> {
  const { server, info } = await x.fact(docker);
  const rootless = info?.SecurityOptions?.some((option) => option.includes("rootless")) === true;
  if (server?.os !== "linux" || rootless) return undefined;
  // The installer leaves what is registered already as it is (EEXIST), and exits with 0 whatever happens.
  const remove = obsolete.map(({ name }) => imageCommand(x, `--uninstall ${shellWord(name)}`));
  return {
    commands: [...remove, imageCommand(x, `--install ${platform.architecture}`)],
    undo: [imageCommand(x, `--uninstall qemu-${qemuName(platform) ?? ""}`)],
  };
}

async function registerByPackage(
  name: string,
  obsolete: readonly BinfmtEntry[],
  uid: number | undefined,
  x: Examination,
): Promise<Pick<Fix, "commands" | "undo" | "automatic"> | undefined> {
  const remove = obsolete.map((entry) => write("-1", entry.name, uid));
  const managers = [
    [
      "apt-get",
      "apt-get update && apt-get install -y qemu-user-static binfmt-support",
      "apt-get remove -y qemu-user-static",
    ],
    ["dnf", `dnf install -y qemu-user-static-${name}`, `dnf remove -y qemu-user-static-${name}`],
  ] as const;
  for (const [program, install, uninstall] of managers) {
    if ((await x.probe.run(program, ["--version"]))?.code !== 0) continue;
    return {
      commands: [
        ...remove,
        asRoot(install, uid),
        asRoot("systemctl restart systemd-binfmt 2>/dev/null || true", uid),
      ],
      undo: [asRoot(uninstall, uid)],
      automatic: true,
    };
  }
  return undefined;
}
