import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { needEngine } from "./install.ts";
import { run } from "./process.ts";

const table = "/proc/sys/fs/binfmt_misc";

/** ELF header up to e_machine (System V ABI): what tells one architecture from another. */
function elfHeader(bits: 32 | 64, machine: number): Buffer {
  const header = Buffer.alloc(20);
  header.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, 1, 1]); // Magic number, class, little-endian, version.
  header.writeUInt16LE(2, 16); // e_type: ET_EXEC; the mask lets ET_DYN in too.
  header.writeUInt16LE(machine, 18);
  return header;
}

/** All but the ABI version byte, and the lowest bit of e_type. */
const mask = Buffer.alloc(20, 0xff);
mask[7] = 0;
mask[16] = 0xfe;

const foreign = [
  { name: "qemu-aarch64", header: elfHeader(64, 183) },
  { name: "qemu-arm", header: elfHeader(32, 40) },
];

/** Whether an entry of the table (its file's text) takes programs with this header, in containers too (flag F). */
function handles(entry: string, header: Buffer): boolean {
  const field = (name: string): Buffer =>
    Buffer.from(new RegExp(`^${name} (\\S+)$`, "m").exec(entry)?.[1] ?? "", "hex");
  const magic = field("magic");
  if (!entry.startsWith("enabled") || magic.length === 0 || !/^flags: \w*F/m.test(entry)) return false;
  const own = field("mask");
  return magic.every((byte, i) => {
    const bits = own[i] ?? 0xff;
    return (byte & bits) === ((header[i] ?? 0) & bits);
  });
}

async function readEntries(): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  for (const name of await readdir(table)) {
    if (name !== "register" && name !== "status")
      entries.set(name, await readFile(join(table, name), "utf8"));
  }
  return entries;
}

const escape = (bytes: Buffer): string =>
  [...bytes].map((byte) => String.raw`\x` + byte.toString(16).padStart(2, "0")).join("");

let registered: Promise<void> | undefined;

async function register(): Promise<void> {
  const root = (await needEngine("qemu")).root("qemu");
  if (process.getuid?.() !== 0) throw new Error("registering QEMU needs root");
  if (!existsSync(join(table, "register"))) await run("mount", ["-t", "binfmt_misc", "binfmt_misc", table]);
  const entries = await readEntries();
  for (const { name, header } of foreign) {
    if ([...entries.values()].some((entry) => handles(entry, header))) continue;
    const free = entries.has(name) ? `anyarch-${name}` : name;
    const interpreter = join(root, "usr/bin", `${name}-static`);
    const line = `:${free}:M::${escape(header)}:${escape(mask)}:${interpreter}:OCPF`;
    await writeFile(join(table, "register"), line);
  }
}

/**
 * Lets the kernel run programs for aarch64 and arm with QEMU 7.2, in containers too, where it doesn't yet. The only
 * thing here that changes the machine: the entries stay until the next boot, as other test runs may rely on them.
 * Needs root on x86-64; throws when it can't be done.
 */
export function registerQemu(): Promise<void> {
  registered ??= register();
  return registered;
}
