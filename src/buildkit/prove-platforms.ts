import { readFileSync } from "node:fs";
import { AnyarchError } from "../errors/error.ts";
import { parseDockerfile } from "../dockerfile/parse.ts";
import type { Dockerfile } from "../dockerfile/dockerfile.ts";
import type { Context } from "../host/context.ts";
import { platformOf } from "../image/image.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { RegistryStore } from "../stores/registry-store.ts";
import { verifyImage } from "../verify/verify-image.ts";
import { unproved } from "../verify/unproved.ts";
import type { BuiltMember } from "./merged-image.ts";
import { ownLayers } from "./own-layers.ts";

/** What is known of one platform's layers. */
export interface ProvedPlatform {
  /** Files and ELF files that were read; undefined where nothing was to be proved. */
  readonly verified: { readonly files: number; readonly elf: number } | undefined;
  /** Layers of the Dockerfile's own instructions; undefined where that can't be told. */
  readonly own: ReadonlySet<Digest> | undefined;
}

const leaveOut =
  'Build for the target in stages of the target platform, or cross-compile for $TARGETARCH. Where foreign binaries are meant, allow them: [verify] allow = ["path/**"].';

/**
 * Reads the layers and compares every ELF file with the platform, as far as `verify` says: "app" reads all that is on
 * this machine, and of what nodes pushed themselves the layers that aren't of the base image. That config and label
 * agree is looked at always. Throws VERIFY_FAILED before anything is tagged.
 */
export async function provePlatforms(
  members: readonly BuiltMember[],
  request: DockerfileRequest,
  ctx: Context,
): Promise<ReadonlyMap<BuiltMember, ProvedPlatform>> {
  const dockerfile = readDockerfile(request.dockerfile);
  const proved = new Map<BuiltMember, ProvedPlatform>();
  for (const member of members) {
    const own = dockerfile && ownLayersOf(member, dockerfile, request);
    const verified = request.verify === "none" ? checkLabel(member) : await prove(member, own, request, ctx);
    proved.set(member, { verified, own });
  }
  return proved;
}

async function prove(
  { image, store }: BuiltMember,
  own: ReadonlySet<Digest> | undefined,
  request: DockerfileRequest,
  ctx: Context,
): Promise<{ files: number; elf: number }> {
  const { platform } = image.descriptor;
  const remote = store instanceof RegistryStore;
  const layers = request.verify === "app" && remote && own !== undefined ? own : "all";
  const report = await verifyImage(image, { platform, layers, allow: request.verifyAllow ?? [] }, ctx);
  const wrong = report.findings.filter(({ severity }) => severity === "error");
  if (wrong.length > 0) throw unproved(report, wrong, leaveOut);
  for (const { message, layer, severity } of report.findings) {
    if (severity !== "warning") continue;
    // A base may hold scripts and modules that nobody asked for.
    const level = layer === undefined || own?.has(layer) === true ? "warning" : "debug";
    ctx.emit({ type: "log", level, message, platform: report.platform });
  }
  return { files: report.files, elf: report.elf };
}

function checkLabel({ image, outcome }: BuiltMember): undefined {
  const { os, architecture } = platformOf(image.config);
  const { platform } = outcome;
  if (os === platform.os && architecture === platform.architecture) return;
  const label = formatPlatform(platform);
  const found = formatPlatform({ os, architecture });
  throw new AnyarchError(
    "VERIFY_FAILED",
    `The image for ${label} says that it is for ${found}; nothing was published.`,
    {
      hint: "A FROM with --platform in the target stage makes an image of that platform: leave it out there.",
      details: { platform: label, found },
    },
  );
}

function ownLayersOf(
  { image, outcome }: BuiltMember,
  dockerfile: Dockerfile,
  { target, buildArgs, platformBuildArgs }: DockerfileRequest,
): ReadonlySet<Digest> | undefined {
  const { platform } = outcome;
  const args = { ...buildArgs, ...platformBuildArgs[formatPlatform(platform)] };
  try {
    return ownLayers(image, dockerfile, { target, buildArgs: args, platform });
  } catch (error) {
    if (error instanceof AnyarchError) return undefined;
    throw error;
  }
}

/** Undefined for what isn't written in the language that is known here: then all layers count as made by it. */
function readDockerfile(path: string): Dockerfile | undefined {
  try {
    return parseDockerfile(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
