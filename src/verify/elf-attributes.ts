import { asciiOf, Fields } from "./random-access.ts";

/** What the build attributes of an ARM file say (Addenda to the ABI for the Arm Architecture, "aeabi"). */
export interface ArmAttributes {
  /** The architecture's version from Tag_CPU_arch: 4 to 9. */
  readonly version?: number;
  /** Tag_CPU_arch_profile: "A", "R", "M" or "S". */
  readonly profile?: string;
  /** Tag_ABI_VFP_args: 0 base variant, 1 VFP registers, 2 the toolchain's own way, 3 compatible with both. */
  readonly vfpArguments?: number;
}

/** Tag_CPU_arch value → version of the architecture. */
const versions: readonly number[] = [3, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 6, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8, 9];

const tags = { file: 1, cpuArch: 6, cpuArchProfile: 7, abiVfpArgs: 28, compatibility: 32 } as const;
const wanted: ReadonlySet<number> = new Set([tags.cpuArch, tags.cpuArchProfile, tags.abiVfpArgs]);
/** Tags whose value is text although they are below 32 or even. */
const textTags: ReadonlySet<number> = new Set([4, 5, 65, 67]);

/**
 * Reads the content of `.ARM.attributes`. Throws OutOfRange where lengths lead out of it; what was
 * read until then is lost, as it can't be trusted.
 */
export function readArmAttributes(bytes: Uint8Array, little: boolean): ArmAttributes {
  const fields = new Fields(bytes, little, false);
  if (fields.length === 0 || fields.u8(0) !== 0x41) return {};
  const found = new Map<number, number>();
  let offset = 1;
  while (offset + 4 <= fields.length) {
    const length = fields.u32(offset);
    if (length < 5) break;
    const end = Math.min(offset + length, fields.length);
    const vendorEnd = bytes.indexOf(0, offset + 4);
    if (vendorEnd < 0 || vendorEnd >= end) break;
    if (asciiOf(bytes.subarray(offset + 4, vendorEnd)) === "aeabi") {
      readVendor(bytes.subarray(vendorEnd + 1, end), little, found);
    }
    offset = end;
  }
  const version = versions[found.get(tags.cpuArch) ?? -1];
  const profile = found.get(tags.cpuArchProfile);
  const vfpArguments = found.get(tags.abiVfpArgs);
  return {
    ...(version !== undefined && { version }),
    ...(profile !== undefined && profile >= 0x41 && profile <= 0x5a
      ? { profile: String.fromCodePoint(profile) }
      : {}),
    ...(vfpArguments !== undefined && { vfpArguments }),
  };
}

/** The sub-subsections of one vendor; only those for the whole file count. */
function readVendor(bytes: Uint8Array, little: boolean, found: Map<number, number>): void {
  const fields = new Fields(bytes, little, false);
  let offset = 0;
  while (offset + 5 <= fields.length) {
    const tag = fields.u8(offset);
    const size = fields.u32(offset + 1);
    if (size < 5) return;
    const end = Math.min(offset + size, fields.length);
    if (tag === tags.file) readAttributes(bytes.subarray(offset + 5, end), found);
    offset = end;
  }
}

function readAttributes(bytes: Uint8Array, found: Map<number, number>): void {
  let offset = 0;
  const uleb = (): number => {
    let value = 0;
    for (let scale = 1; offset < bytes.length; scale *= 128) {
      const byte = bytes[offset++] ?? 0;
      if (scale < 2 ** 40) value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  const skipText = (): void => {
    const end = bytes.indexOf(0, offset);
    offset = end < 0 ? bytes.length : end + 1;
  };
  while (offset < bytes.length) {
    const tag = uleb();
    if (tag === tags.compatibility) {
      uleb();
      skipText();
    } else if (textTags.has(tag) || (tag > 32 && tag % 2 === 1)) skipText();
    else {
      const value = uleb();
      if (wanted.has(tag)) found.set(tag, value);
    }
  }
}
