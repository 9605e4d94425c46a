import type { Platform } from "../oci/platform.ts";

/**
 * The smallest programs that show whether a platform's programs run on a node, and on arm and 386 whether they run
 * on the CPU itself: those write /proc/thread-self/maps to /maps. A 32-bit process has no address above 4 GiB;
 * QEMU's has, and QEMU answers itself only for /proc/self. Linux system calls; ELF as in the System V ABI.
 */
export function probeProgram(platform: Platform): ProbeProgram | undefined {
  const target = platform.os === "linux" ? targets.get(platform.architecture) : undefined;
  if (target === undefined) return undefined;
  return { bytes: executable(target), writesMaps: target.writesMaps === true };
}

/**
 * A program that does nothing but exit(0), on arm and 386 too: to be run on a machine itself, where no file is to be
 * left. Undefined for platforms that have none here.
 */
export function exitProgram({ os, architecture }: Platform): Buffer | undefined {
  const target = os === "linux" ? targets.get(architecture) : undefined;
  return target === undefined ? undefined : executable({ ...target, code: target.exit ?? target.code });
}

export interface ProbeProgram {
  readonly bytes: Buffer;
  /** Whether it leaves the file /maps. */
  readonly writesMaps: boolean;
}

interface Target {
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly bigEndian?: true;
  readonly flags?: number;
  readonly writesMaps?: true;
  readonly code: Buffer;
  /** exit(0), where `code` does more. */
  readonly exit?: Buffer;
}

function words(values: readonly number[]): Buffer {
  const code = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) code.writeUInt32LE(value >>> 0, index * 4);
  return code;
}

const text = Buffer.from("/proc\0\0\0thread-self/maps\0\0\0\0/maps\0\0\0");
const textOffsets = { proc: 0, source: 8, target: 28 } as const;

/** chdir("/proc"); in = open("thread-self/maps"); out = creat("/maps", 0644); copies; exit(0). */
function armMaps(): Buffer {
  const svc = 0xef000000;
  const count = 31;
  const address = (index: number, offset: number): number =>
    0xe28f0000 | (count * 4 + offset - (index * 4 + 8)); // add r0, pc, #…
  const branch = (from: number, to: number): number => (to - from - 2) & 0xffffff;
  const call = (number: number): number => 0xe3a07000 | number; // mov r7, #…
  const code = [
    [call(12), address(1, textOffsets.proc), svc],
    [call(5), address(4, textOffsets.source), 0xe3a01000, svc, 0xe1a04000],
    [call(8), address(9, textOffsets.target), 0xe3a01f69, svc, 0xe1a05000],
    [0xe24dda01], // sub sp, sp, #4096
    [call(3), 0xe1a00004, 0xe1a0100d, 0xe3a02a01, svc], // 14: read(in, sp, 4096)
    [0xe3500000, 0xda000000 | branch(20, 27)], // ble to the end
    [0xe1a02000, 0xe1a00005, 0xe1a0100d, call(4), svc], // write(out, sp, n)
    [0xea000000 | branch(26, 14)],
    [0xe3a00000, call(1), svc], // 27: exit(0)
    [0xe1a00000],
  ].flat();
  return Buffer.concat([words(code), text]);
}

const loadAddress = 0x10000;

function i386Maps(): Buffer {
  const header = 52 + 32;
  const code = (base: number): number[] => {
    const le = (value: number): number[] => [value, value >> 8, value >> 16, value >> 24].map((b) => b & 255);
    const int80 = [0xcd, 0x80];
    const eax = (value: number): number[] => [0xb8, ...le(value)];
    const ebx = (offset: number): number[] => [0xbb, ...le(base + offset)];
    const read = [...eax(3), 0x89, 0xf3, 0x89, 0xe1, 0xba, ...le(4096), ...int80, 0x85, 0xc0];
    const write = [0x89, 0xc2, ...eax(4), 0x89, 0xfb, 0x89, 0xe1, ...int80];
    const loop = [...read, 0x7e, write.length + 2, ...write];
    return [
      [...eax(12), ...ebx(textOffsets.proc), ...int80],
      [...eax(5), ...ebx(textOffsets.source), 0x31, 0xc9, ...int80, 0x89, 0xc6],
      [...eax(8), ...ebx(textOffsets.target), 0xb9, ...le(0o644), ...int80, 0x89, 0xc7],
      [0x81, 0xec, ...le(4096)], // sub esp, 4096
      [...loop, 0xeb, 256 - (loop.length + 2)],
      [...eax(1), 0x31, 0xdb, ...int80],
    ].flat();
  };
  const { length } = code(0);
  return Buffer.concat([Buffer.from(code(loadAddress + header + length)), text]);
}

/** exit(0) but for arm and 386. */
const targets: ReadonlyMap<string, Target> = new Map<string, Target>([
  ["amd64", { machine: 62, bits: 64, code: Buffer.from("b83c00000031ff0f05", "hex") }],
  ["arm64", { machine: 183, bits: 64, code: words([0xd2800000, 0xd2800ba8, 0xd4000001]) }],
  ["riscv64", { machine: 243, bits: 64, flags: 4, code: words([0x00000513, 0x05d00893, 0x00000073]) }],
  ["ppc64le", { machine: 21, bits: 64, flags: 2, code: words([0x38600000, 0x38000001, 0x44000002]) }],
  ["s390x", { machine: 22, bits: 64, bigEndian: true, code: Buffer.from("a72900000a01", "hex") }],
  [
    "386",
    {
      machine: 3,
      bits: 32,
      writesMaps: true,
      code: i386Maps(),
      exit: Buffer.from("b80100000031dbcd80", "hex"),
    },
  ],
  [
    "arm",
    {
      machine: 40,
      bits: 32,
      flags: 0x0500_0000,
      writesMaps: true,
      code: armMaps(),
      exit: words([0xe3a00000, 0xe3a07001, 0xef000000]),
    },
  ],
]);

/** An executable of one segment that holds header and code. */
function executable({ machine, bits, bigEndian, flags = 0, code }: Target): Buffer {
  const wide = bits === 64;
  const [fileHeader, programHeader] = wide ? [64, 56] : [52, 32];
  const image = Buffer.concat([Buffer.alloc(fileHeader + programHeader), code]);
  image.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, bigEndian ? 2 : 1, 1]);
  let at = 16;
  const put = (size: number, value: number): void => {
    if (size === 8) {
      if (bigEndian) image.writeBigUInt64BE(BigInt(value), at);
      else image.writeBigUInt64LE(BigInt(value), at);
    } else if (bigEndian) image.writeUIntBE(value, at, size);
    else image.writeUIntLE(value, at, size);
    at += size;
  };
  const word = wide ? 8 : 4;
  put(2, 2); // ET_EXEC
  put(2, machine);
  put(4, 1);
  put(word, loadAddress + fileHeader + programHeader); // The entry point.
  put(word, fileHeader); // Program headers follow; there are no sections.
  put(word, 0);
  put(4, flags);
  for (const half of [fileHeader, programHeader, 1, 0, 0, 0]) put(2, half);
  put(4, 1); // PT_LOAD, readable and executable
  if (wide) put(4, 5);
  for (const value of [0, loadAddress, loadAddress, image.length, image.length]) put(word, value);
  if (!wide) put(4, 5);
  put(word, 0x10000);
  return image;
}

/** Whether the addresses of /proc/…/maps are those of a 32-bit process that no emulator runs. */
export function isNative32(maps: string): boolean {
  const ranges = [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) /gm)];
  return ranges.length > 0 && ranges.every(([, , end = ""]) => Number.parseInt(end, 16) <= 0x1_0000_0000);
}
