import type { Image } from "../image/image.ts";
import { digestOf, type Digest } from "../oci/digest.ts";
import { formatPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import { machineOf } from "./architecture.ts";
import type { VerifyFinding } from "./finding.ts";
import type { ReadLayer } from "./subject.ts";

/** Whether the image's own documents agree with each other and with what was read. */
export function imageFindings(
  image: Image,
  claimed: Platform,
  layers: readonly ReadLayer[],
): readonly VerifyFinding[] {
  return [
    ...platformFindings(image, claimed),
    ...documentFindings(image),
    ...layers.flatMap((layer) => diffIDFindings(image, layer)),
  ];
}

function platformFindings({ config, descriptor }: Image, claimed: Platform): readonly VerifyFinding[] {
  const findings = [
    ...compare("config", config, claimed),
    ...(descriptor.platform === undefined
      ? []
      : compare("manifest's descriptor", descriptor.platform, claimed)),
  ];
  if (machineOf(claimed) !== undefined || claimed.architecture === "wasm") return findings;
  const { architecture } = normalizePlatform(claimed);
  return [
    ...findings,
    {
      code: "PLATFORM_UNKNOWN",
      severity: "warning",
      expected: "a known architecture",
      found: architecture,
      message: `Nothing is known of the architecture ${architecture}: the machine of its files can't be proved.`,
    },
  ];
}

/** The variant may be absent: many configs don't have it, and then it only can't be proved. */
function compare(where: string, found: Platform, claimed: Platform): readonly VerifyFinding[] {
  const [has, wants] = [normalizePlatform(found), normalizePlatform(claimed)];
  const sameMachine = has.os === wants.os && has.architecture === wants.architecture;
  if (sameMachine && has.variant === wants.variant) return [];
  const isSilent = sameMachine && (found.variant === undefined || found.variant === "");
  const [expected, actual] = [
    formatPlatform(claimed),
    isSilent ? `${has.os}/${has.architecture} without a variant` : formatPlatform(found),
  ];
  return [
    {
      code: "CONFIG_PLATFORM",
      severity: isSilent ? "warning" : "error",
      expected,
      found: actual,
      message: `The ${where} says ${actual}, the image is offered as ${expected}.`,
    },
  ];
}

function documentFindings(image: Image): readonly VerifyFinding[] {
  const { descriptor, manifest, config } = image;
  const findings = [
    ...digestFindings("manifest", descriptor.digest, image.rawManifest),
    ...digestFindings("config", manifest.config.digest, image.rawConfig),
  ];
  const [layers, diffIDs] = [manifest.layers.length, config.rootfs.diff_ids.length];
  const steps = config.history?.filter((entry) => entry.empty_layer !== true).length;
  if (layers !== diffIDs) {
    findings.push(countFinding("error", `${layers} diffIDs`, `${diffIDs}`, layers, "diffIDs"));
  }
  if (steps !== undefined && steps !== 0 && steps !== layers) {
    const entries = "history entries that made layers";
    findings.push(countFinding("warning", `${layers} ${entries}`, `${steps}`, layers, entries));
  }
  return findings;
}

function countFinding(
  severity: "error" | "warning",
  expected: string,
  found: string,
  layers: number,
  what: string,
): VerifyFinding {
  const message = `The config has ${found} ${what} for ${layers} layers.`;
  return { code: "LAYER_COUNT", severity, expected, found, message };
}

function digestFindings(what: string, expected: Digest, bytes: Uint8Array): readonly VerifyFinding[] {
  // Other algorithms than sha256 were checked when the bytes were fetched.
  if (!expected.startsWith("sha256:")) return [];
  const found = digestOf(bytes);
  if (found === expected) return [];
  const message = `The ${what}'s digest is ${found}, its descriptor says ${expected}.`;
  return [{ code: "DIGEST_MISMATCH", severity: "error", expected, found, message }];
}

function diffIDFindings({ config }: Image, { index, digest, scan }: ReadLayer): readonly VerifyFinding[] {
  const expected = config.rootfs.diff_ids[index];
  if (expected === undefined || expected === scan.diffID || !expected.startsWith("sha256:")) return [];
  return [
    {
      code: "DIFF_ID_MISMATCH",
      severity: "error",
      layer: digest,
      layerIndex: index,
      expected,
      found: scan.diffID,
      message: `Layer ${index} (${digest}) has the diffID ${scan.diffID}, the config says ${expected}.`,
    },
  ];
}
