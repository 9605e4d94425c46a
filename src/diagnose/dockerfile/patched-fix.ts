import { buildPlatformPatch, type PatchedLanguage } from "../build-platform-patch.ts";
import type { DockerfileModel, StageFacts } from "./model.ts";

/** The advice with a patch for this very file that moves a stage to the build platform, where that can be done alone. */
export function patchedFix(
  model: DockerfileModel,
  facts: StageFacts,
  language: PatchedLanguage,
  fix: string,
): { readonly fix?: string } {
  const stage = facts.stage.name ?? `stage-${facts.index}`;
  const patch = buildPlatformPatch(`${model.lines.join("\n")}\n`, language, { stage });
  return patch === undefined ? {} : { fix: `${fix}\n${patch}` };
}
