import type { Image } from "../image/image.ts";
import { type ImageFinding, platformsAgree, validateImage } from "../image/validate.ts";
import { formatPlatform, normalizePlatform, type Platform, samePlatform } from "../oci/platform.ts";
import { machineOf } from "./architecture.ts";
import type { FindingCode, Severity, VerifyFinding } from "./finding.ts";
import type { ReadLayer } from "./subject.ts";

/** Whether the image's own documents agree with each other, with what it is offered as and with its layers. */
export async function imageFindings(
  image: Image,
  claimed: Platform,
  layers: readonly ReadLayer[],
): Promise<readonly VerifyFinding[]> {
  const documents = await validateImage(image);
  return [
    ...platformFindings(image, claimed),
    ...documents.flatMap((finding) => translate(finding, image)),
    ...layers.flatMap((layer) => diffIDFindings(image, layer)),
  ];
}

const codes: Readonly<Record<ImageFinding["code"], readonly [FindingCode, Severity] | undefined>> = {
  "manifest-digest": ["DIGEST_MISMATCH", "error"],
  "config-digest": ["DIGEST_MISMATCH", "error"],
  "media-type": ["MEDIA_TYPE", "error"],
  "diff-id-count": ["LAYER_COUNT", "error"],
  // The image-spec makes history optional and nothing depends on it.
  "history-count": ["LAYER_COUNT", "warning"],
  // Compared here with what the caller says that the image is offered as.
  "platform-mismatch": undefined,
  "layer-digest": ["DIGEST_MISMATCH", "error"],
  "layer-diff-id": ["DIFF_ID_MISMATCH", "error"],
  "layer-unreadable": ["LAYER_UNREADABLE", "error"],
};

function translate(finding: ImageFinding, image: Image): readonly VerifyFinding[] {
  const [code, severity] = codes[finding.code] ?? [];
  if (code === undefined || severity === undefined) return [];
  const { message, layer, expected = "", found = "" } = finding;
  const digest = layer === undefined ? undefined : image.manifest.layers[layer]?.digest;
  return [
    {
      code,
      severity,
      ...(layer !== undefined && { layerIndex: layer }),
      ...(digest !== undefined && { layer: digest }),
      expected,
      found,
      message,
    },
  ];
}

function platformFindings({ config, descriptor }: Image, claimed: Platform): readonly VerifyFinding[] {
  const findings: VerifyFinding[] = [];
  const expected = formatPlatform(claimed);
  const differ = (severity: Severity, where: string, found: string): void => {
    const message = `The ${where} says ${found}, the image is offered as ${expected}.`;
    findings.push({ code: "CONFIG_PLATFORM", severity, expected, found, message });
  };
  if (!platformsAgree(claimed, config)) differ("error", "config", formatPlatform(config));
  else if (!samePlatform(claimed, config)) {
    // Many configs name no variant: that contradicts nothing, but containerd takes it for the usual one.
    differ("warning", "config", `${config.os}/${config.architecture} without a variant`);
  }
  if (!samePlatform(claimed, descriptor.platform)) {
    differ("error", "manifest's descriptor", formatPlatform(descriptor.platform));
  }
  if (claimed.os === "windows") {
    findings.push({
      code: "PLATFORM_UNKNOWN",
      severity: "info",
      expected: "files of Linux",
      found: "windows",
      message: `${expected} is proved from its documents only: files of Windows aren't looked into.`,
    });
  } else if (machineOf(claimed) === undefined && claimed.architecture !== "wasm") {
    const { architecture } = normalizePlatform(claimed);
    const message = `Nothing is known of the architecture ${architecture}: the machine of its files can't be proved.`;
    const known = "a known architecture";
    findings.push({
      code: "PLATFORM_UNKNOWN",
      severity: "warning",
      expected: known,
      found: architecture,
      message,
    });
  }
  return findings;
}

function diffIDFindings({ config }: Image, { index, digest, scan }: ReadLayer): readonly VerifyFinding[] {
  const expected = config.rootfs.diff_ids[index];
  // Scans know sha256 only, as do all tools that make images.
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
