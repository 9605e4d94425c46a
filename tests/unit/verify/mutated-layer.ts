import type { Entry } from "../../../src/archive/entry.ts";
import { sortEntries } from "../../../src/archive/sort-entries.ts";
import { tarBlocks } from "../../../src/archive/tar-writer.ts";
import { seededNumbers } from "../seeded-numbers.ts";
import { buildElf, machines } from "./elf-builder.ts";
import { directory, file, hardlink, symlink } from "./image-builder.ts";

const block = 512;

/** Gives a header the checksum of what it says now. */
function seal(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** An entry as GNU tar writes it, with its content. */
function gnuEntry(name: string, typeflag: string, content: Buffer, size: number = content.length): Buffer {
  const header = Buffer.alloc(block);
  header.write(name, 0, "latin1");
  for (const [at, text] of [
    [100, "0000755\0"],
    [108, "0000000\0"],
    [116, "0000000\0"],
  ] as const)
    header.write(text, at, "latin1");
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  header.write(`${"0".repeat(11)}\0`, 136, "latin1");
  header.write(typeflag, 156, "latin1");
  header.write("ustar  \0", 257, "latin1");
  return Buffer.concat([seal(header), content, Buffer.alloc((block - (content.length % block)) % block)]);
}

/** An ELF file with a hole, in GNU's old sparse format. */
function sparseEntry(elf: Buffer): Buffer {
  const entry = gnuEntry("opt/sparse.so", "S", elf);
  const header = entry.subarray(0, block);
  const octal = (value: number): string => `${value.toString(8).padStart(11, "0")}\0`;
  header.write(octal(0) + octal(elf.length), 386, "latin1");
  header.write(octal(elf.length + 100_000), 483, "latin1");
  seal(header);
  return entry;
}

/** The same in PAX's format 1.0, whose map lies before the data. */
function paxSparseEntry(elf: Buffer): Buffer {
  const record = (text: string): string => {
    const length = text.length + 2;
    return `${length + String(length + String(length).length).length} ${text}\n`;
  };
  const records =
    record("GNU.sparse.major=1") +
    record("GNU.sparse.minor=0") +
    record("GNU.sparse.name=opt/other.so") +
    record(`GNU.sparse.realsize=${elf.length + 5000}`);
  const map = Buffer.alloc(block);
  map.write(`1\n0\n${elf.length}\n`, "latin1");
  return Buffer.concat([
    gnuEntry("pax", "x", Buffer.from(records)),
    gnuEntry("opt/GNUSparseFile.0/other.so", "0", Buffer.concat([map, elf])),
  ]);
}

/** A layer with one of everything: kinds of entries, of names and of content. */
function seedTar(): Buffer {
  const elf = Buffer.from(
    buildElf({ machine: machines.x86_64, needed: ["libc.so.6"], versions: ["GLIBC_2.17"] }),
  );
  const arm = buildElf({ machine: machines.arm, class: 32, armAttributes: [[6, 10]] });
  const record = "demo/__init__.py,,\ndemo/core.so,sha256=x,9\n";
  const entries: readonly Entry[] = [
    directory("bin"),
    file("bin/sh", elf),
    file("bin/tool", "#!/bin/sh -e\necho hello\n"),
    file("demo-1.0.dist-info/RECORD", record, 0o644),
    file("demo/core.so", arm),
    hardlink("demo/linked.so", "demo/core.so"),
    symlink("lib", "usr/lib"),
    file("opt/.wh.gone", ""),
    file("opt/.wh..wh..opq", ""),
    file(`opt/${"long name/".repeat(30)}é`, "text\n", 0o644),
    file("var/lib/dpkg/info/demo.list", "/.\n/bin\n/bin/sh\n", 0o644),
    file("var/lib/dpkg/status", "Package: demo\nVersion: 1.0\n\n", 0o644),
  ];
  const blocks = Buffer.concat([...tarBlocks(sortEntries(entries))]);
  const end = blocks.length - 2 * block;
  return Buffer.concat([
    gnuEntry("pax_global_header", "g", Buffer.from("52 comment=0123456789abcdef0123456789abcdef01234567\n")),
    blocks.subarray(0, end),
    gnuEntry("././@LongLink", "L", Buffer.from(`opt/${"n".repeat(200)}\0`)),
    gnuEntry("opt/nnn", "0", Buffer.from("content")),
    gnuEntry("././@LongLink", "K", Buffer.from(`${"../".repeat(60)}etc/passwd\0`)),
    gnuEntry("opt/link", "2", Buffer.alloc(0)),
    sparseEntry(elf),
    paxSparseEntry(elf),
    Buffer.alloc(2 * block),
  ]);
}

const numbers: readonly string[] = [
  "00000000000\0",
  "00000000001\0",
  "00000001000\0",
  "77777777777\0",
  "777777777777",
  "-0000000001\0",
  "           \0",
  "9\0",
  "0x10\0",
  "\x80\0\0\0\0\0\0\0\0\0\x02\0",
  "\x80\0\0\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
  "\x80\0\0\0\0\0\x40\0\0\0\0\0",
];

const records: readonly string[] = [
  "size=0",
  "size=9007199254740993",
  "size=99999999999",
  "size=-1",
  "path=",
  "path=../../x",
  "path=a\0b",
  "linkpath=",
  "mtime=nan",
  "uid=x",
  "GNU.sparse.major=1",
  "GNU.sparse.map=0,1,2",
  "GNU.sparse.map=0,99999999999",
  "GNU.sparse.size=99999999999",
  "GNU.sparse.realsize=274877906944",
  "GNU.sparse.offset=5",
  "=",
  `path=${"deep/".repeat(3000)}`,
];

/** So many damaged and forged layers, the same for the same seed. */
export function* mutatedLayers(seed: number, count: number): Generator<Buffer, void, undefined> {
  const next = seededNumbers(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const original = seedTar();
  const headers: number[] = [];
  for (let at = 0; at < original.length; at += block)
    if (original.toString("latin1", at + 257, at + 262) === "ustar") headers.push(at);

  const inHeader = (tar: Buffer, change: (header: Buffer) => void): Buffer => {
    const at = pick(headers);
    const header = tar.subarray(at, at + block);
    if (header.length < block) return tar;
    change(header);
    if (below(16) > 0) seal(header);
    return tar;
  };
  const pax = (): Buffer => {
    const text = pick(records);
    const length = text.length + 2 + String(text.length + 2).length + below(3) - 1;
    return gnuEntry("pax", pick(["x", "g", "X"]), Buffer.from(`${length} ${text}\n`, "latin1"));
  };
  const mutate = (tar: Buffer): Buffer => {
    switch (below(8)) {
      case 0:
        return inHeader(tar, (header) =>
          header.write(pick(numbers), pick([100, 108, 116, 124, 124, 136, 386, 398, 483]), "latin1"),
        );
      case 1:
        return inHeader(tar, (header) => header.write(pick("01234567DxgLKSV\0?".split("")), 156, "latin1"));
      case 2:
        return inHeader(tar, (header) => (header[below(block)] = below(256)));
      case 3:
        tar[below(tar.length)] = below(256);
        return tar;
      case 4:
        return tar.subarray(0, below(tar.length + 1));
      case 5: {
        const at = Math.min(pick(headers), tar.length);
        return Buffer.concat([tar.subarray(0, at), pax(), tar.subarray(at)]);
      }
      case 6: {
        const place = (): number => below(tar.length) & ~(block - 1);
        const from = place();
        tar.copyWithin(place(), from, from + block * (1 + below(4)));
        return tar;
      }
      default:
        return inHeader(tar, (header) =>
          header.write(
            pick(["", "/", "..", "a/../../b", ".wh.", "bin/sh", "\xff\xfe"]),
            pick([0, 157]),
            "latin1",
          ),
        );
    }
  };
  for (let made = 0; made < count; made++) {
    let tar: Buffer = Buffer.from(original);
    for (let times = 1 + below(4); times > 0; times--) tar = mutate(tar);
    yield tar;
  }
}
