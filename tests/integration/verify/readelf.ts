import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from "node:child_process";

/** What binutils' readelf says of a file, in the terms of anyarch's ElfFacts. */
export interface ReadelfFacts {
  class: 32 | 64;
  endianness: "little" | "big";
  machine: string;
  type: string;
  flags: number;
  interpreter?: string;
  needed: string[];
  soname?: string;
  runpath?: string;
  glibc?: string;
  glibcProvided?: string;
  isa?: number;
  kernel?: string;
  armArchitecture?: string;
  armHardFloat?: boolean;
}

const environment = { ...process.env, LC_ALL: "C" };

export function hasReadelf(): boolean {
  try {
    return execFileSync("readelf", ["--version"], { encoding: "utf8" }).includes("readelf");
  } catch {
    return false;
  }
}

/** Runs readelf over many files at once; path → facts. */
export function readelf(paths: readonly string[]): Map<string, ReadelfFacts> {
  const facts = new Map<string, ReadelfFacts>();
  for (let at = 0; at < paths.length; at += 40) {
    // A file that doesn't exist, so that there is a "File:" line even where there is one path only.
    const some = [...paths.slice(at, at + 40), "/nonexistent"];
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: "utf8",
      env: environment,
      maxBuffer: 1 << 30,
      stdio: ["ignore", "pipe", "ignore"],
    };
    let text: string;
    try {
      text = execFileSync("readelf", ["-W", "-h", "-l", "-d", "-V", "-A", "-n", ...some], options);
    } catch (error) {
      text = (error as { stdout: string }).stdout; // It fails for the file that doesn't exist.
    }
    for (const block of text.split(/^File: /m).slice(1)) {
      facts.set(block.slice(0, block.indexOf("\n")), parse(block));
    }
  }
  return facts;
}

function parse(text: string): ReadelfFacts {
  const field = (name: string): string => new RegExp(`^  ${name}: +(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
  const all = (pattern: RegExp, from = text): string[] =>
    [...from.matchAll(pattern)].map((match) => match[1] ?? "");
  const section = (title: string): string => {
    const start = text.indexOf(`${title} section`);
    if (start < 0) return "";
    const rest = text.slice(start);
    const end = rest.search(/\n\s*\n/);
    return end < 0 ? rest : rest.slice(0, end);
  };
  const highest = (from: string): string | undefined =>
    all(/Name: GLIBC_(\d[\d.]*)/g, from)
      .toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))
      .at(-1);
  const interpreter = /\[Requesting program interpreter: (.*)\]/.exec(text)?.[1];
  const soname = /\(SONAME\) +Library soname: \[(.*)\]/.exec(text)?.[1];
  const runpath =
    /\(RUNPATH\) +Library runpath: \[(.*)\]/.exec(text)?.[1] ??
    /\(RPATH\) +Library rpath: \[(.*)\]/.exec(text)?.[1];
  const glibc = highest(section("Version needs"));
  const glibcProvided = highest(section("Version definition"));
  const levels = /x86 ISA needed: ([^\n]*?)(?:, x86 ISA used|, x86 feature|\n|$)/.exec(text)?.[1];
  const isa =
    levels === undefined
      ? undefined
      : Math.max(
          ...all(/x86-64-(baseline|v\d)/g, levels).map((level) =>
            level === "baseline" ? 1 : Number(level.slice(1)),
          ),
        );
  const kernel = /OS: Linux, ABI: (\S+)/.exec(text)?.[1];
  const armArchitecture = /Tag_CPU_arch: (\S+)/.exec(text)?.[1];
  const flags = field("Flags");
  return {
    class: field("Class") === "ELF64" ? 64 : 32,
    endianness: field("Data").includes("little") ? "little" : "big",
    machine: field("Machine"),
    type: field("Type").split(" ")[0] ?? "",
    flags: Number(flags.split(",")[0]),
    needed: all(/\(NEEDED\) +Shared library: \[(.*)\]/g),
    ...(interpreter !== undefined && { interpreter }),
    ...(soname !== undefined && { soname }),
    ...(runpath !== undefined && { runpath }),
    ...(glibc !== undefined && { glibc }),
    ...(glibcProvided !== undefined && { glibcProvided }),
    ...(isa !== undefined && { isa }),
    ...(kernel !== undefined && { kernel }),
    ...(armArchitecture !== undefined && {
      armArchitecture,
      armHardFloat: text.includes("Tag_ABI_VFP_args: VFP registers"),
    }),
  };
}
