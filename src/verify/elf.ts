import { type RandomAccess, ByteView, OutOfRange, sourceOf, textUntilNul } from "./random-access.ts";
import { type ArmAttributes, readArmAttributes } from "./elf-attributes.ts";
import { type DynamicFacts, readDynamic } from "./elf-dynamic.ts";
import {
  type ElfHeader,
  elfHeaderSize,
  type ElfMalformed,
  type ElfTables,
  readElfHeader,
  findSection,
  readSegments,
  type Segment,
  segmentTypes,
  sectionTypes,
} from "./elf-header.ts";
import { machineCodes } from "./elf-machine.ts";
import { type NoteFacts, readNotes } from "./elf-notes.ts";

/** What one ELF file says of itself: plain data that can be kept as JSON. */
export interface ElfFacts extends ElfHeader, DynamicFacts, NoteFacts {
  readonly kind: "elf";
  /** ARM only: how floating-point arguments are passed; "unknown" where the file doesn't say. */
  readonly armFloat?: "hard" | "soft" | "unknown";
  /** ARM only: the architecture's version from Tag_CPU_arch, 4 to 9. */
  readonly armVersion?: number;
  /** ARM only: Tag_CPU_arch_profile: "A" for applications, "M" for microcontrollers. */
  readonly armProfile?: string;
  /** ARM only: true where some functions are chosen when the file is loaded, by what the processor can do. */
  readonly armChooses?: true;
  /** The path of the loader; absent for libraries and static programs. */
  readonly interpreter?: string;
  /** True where the source lacked bytes that would have been needed: facts may be absent. */
  readonly incomplete?: true;
  /** What is wrong inside of a file with a good header: "the dynamic section lies outside of the file". */
  readonly damage?: string;
}

/**
 * Reads what an ELF file says of itself. `input` is a whole file, or a source that has at least its first 64
 * bytes (then the header's facts are there and `incomplete` is true). Undefined for what isn't ELF, "malformed"
 * where the header makes no sense. Safe on hostile input: never throws, and work is bounded by the file's size.
 */
export function readElf(input: Uint8Array | RandomAccess): ElfFacts | ElfMalformed | undefined {
  const source = input instanceof Uint8Array ? sourceOf(input) : input;
  const beginning = source.read(0, Math.min(elfHeaderSize, source.size));
  if (beginning === undefined) return undefined;
  const read = readElfHeader(beginning);
  if (read?.kind !== "elf") return read;
  const { tables, ...header } = read;
  const view = new ByteView(source, header.endianness === "little", header.class === 64);
  const trouble = new Trouble();
  const segments = trouble.guard(() => readSegments(view, tables)) ?? [];
  const interpreter = trouble.guard(() => readInterpreter(view, segments));
  const dynamic = trouble.guard(() => readDynamic(view, segments)) ?? { needed: [] };
  const isX86 = header.machineCode === machineCodes.x86_64 || header.machineCode === machineCodes.x86;
  // What other machines' notes say is good to know, but nothing that a proof would miss.
  const notes = (isX86 ? trouble : new Trouble()).guard(() => readNotes(view, segments, isX86));
  const arm =
    header.machineCode === machineCodes.arm
      ? {
          ...armFacts(header, interpreter, dynamic, trouble.guard(() => attributesOf(view, tables)) ?? {}),
          // Linkers set the system to GNU for such functions.
          ...(header.osabi === "gnu" &&
            trouble.guard(() => choosesFunctions(view, tables)) === true && { armChooses: true as const }),
        }
      : {};
  return {
    ...header,
    ...(interpreter !== undefined && { interpreter }),
    ...dynamic,
    ...arm,
    ...notes,
    ...trouble.result(),
  };
}

/** Collects what went wrong in the parts, so that the others are still read. */
class Trouble {
  #incomplete = false;
  #damage: string | undefined;

  guard<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof OutOfRange)) throw error;
      if (error.reason === "missing") this.#incomplete = true;
      else this.#damage ??= error.message;
      return undefined;
    }
  }

  result(): Pick<ElfFacts, "incomplete" | "damage"> {
    return {
      ...(this.#incomplete && { incomplete: true as const }),
      ...(this.#damage !== undefined && { damage: this.#damage }),
    };
  }
}

function readInterpreter(view: ByteView, segments: readonly Segment[]): string | undefined {
  const segment = segments.find(({ type, size }) => type === segmentTypes.interpreter && size > 0);
  if (segment === undefined) return undefined;
  return textUntilNul(view.bytes(segment.offset, Math.min(segment.size, 4096), "the interpreter's name"));
}

function attributesOf(view: ByteView, tables: ElfTables): ArmAttributes {
  const section = findSection(view, tables, sectionTypes.armAttributes);
  if (section === undefined) return {};
  const bytes = view.bytes(section.offset, Math.min(section.size, 1 << 20), "the ARM attributes");
  return readArmAttributes(bytes, view.little);
}

const functionChosenOnLoad = 10; // STT_GNU_IFUNC
const maxSymbols = 8 << 20;

/** Whether the file has functions of the kind that libatomic and OpenBLAS have several versions of. */
function choosesFunctions(view: ByteView, tables: ElfTables): boolean {
  const section = findSection(view, tables, sectionTypes.dynamicSymbols);
  if (section === undefined) return false;
  const [entry, info] = view.wide ? [24, 4] : [16, 12];
  const symbols = view.bytes(section.offset, Math.min(section.size, maxSymbols), "the dynamic symbols");
  for (let at = info; at < symbols.length; at += entry) {
    if (((symbols[at] ?? 0) & 0xf) === functionChosenOnLoad) return true;
  }
  return false;
}

const floatFlags = { hard: 0x400, soft: 0x200 } as const;

/** The e_flags say it for linked files; then the build attributes, then the loader that the file asks for. */
function armFacts(
  header: ElfHeader,
  interpreter: string | undefined,
  dynamic: DynamicFacts,
  attributes: ArmAttributes,
): Pick<ElfFacts, "armFloat" | "armVersion" | "armProfile"> {
  const loaders = [interpreter ?? "", ...dynamic.needed];
  const asks = (pattern: RegExp): boolean => loaders.some((name) => pattern.test(name));
  let armFloat: ElfFacts["armFloat"] = "unknown";
  if ((header.flags & floatFlags.hard) !== 0) armFloat = "hard";
  else if ((header.flags & floatFlags.soft) !== 0) armFloat = "soft";
  else if (attributes.vfpArguments === 1) armFloat = "hard";
  else if (asks(/(?:^|\/)ld-(?:linux|musl)-armhf\.so/)) armFloat = "hard";
  else if (asks(/(?:^|\/)ld-(?:linux|musl-arm)\.so/)) armFloat = "soft";
  return {
    armFloat,
    ...(attributes.version !== undefined && { armVersion: attributes.version }),
    ...(attributes.profile !== undefined && { armProfile: attributes.profile }),
  };
}
