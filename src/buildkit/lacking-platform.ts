import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { Farm, Node, NodeSpec, UnreachableNode } from "./node.ts";
import { isEligible, isNamedFor } from "./node-fit.ts";
import { canRun } from "./platform-family.ts";

/**
 * Why a platform can't be built anywhere: what each builder is and can do, and why others don't answer. The code is
 * that of the builder that was named for it and doesn't answer, or where nobody else could; else
 * BUILDER_LACKS_PLATFORM.
 */
export function lacksPlatform(platform: Platform, farm: Farm, emulation: boolean): AnyarchError {
  const wanted = formatPlatform(platform);
  const eligible = farm.unreachable.filter(({ spec }) => isEligible(spec, platform));
  const others = farm.nodes.filter(({ spec }) => isEligible(spec, platform));
  const culprit =
    eligible.find(({ spec }) => isNamedFor(spec, platform)) ??
    (others.length === 0 ? eligible[0] : undefined);
  const details = {
    platform: wanted,
    builders: farm.nodes.map(({ spec, facts }) => ({
      name: spec.name,
      native: formatPlatform(facts.native),
      platforms: facts.platforms.map(formatPlatform),
    })),
    unreachable: farm.unreachable.map(({ spec, error }) => ({ name: spec.name, code: error.code })),
  };
  if (farm.nodes.length === 0 && farm.unreachable.length === 0)
    return new AnyarchError("BUILDER_LACKS_PLATFORM", `No builder was found that could build ${wanted}.`, {
      hint: "Start Docker (with its buildx plugin) or buildkitd here, or name a builder: --builder ssh://USER@HOST.",
      details,
    });
  const list = [
    ...farm.nodes.map((node) => `  ${describeAbility(node, platform, emulation)}`),
    ...farm.unreachable.map(({ spec, error }) => `  ${spec.name}: ${describeNode(spec, error)}`),
  ].join("\n");
  const message = `No builder can build ${wanted}:\n${list}`;
  if (culprit !== undefined)
    return new AnyarchError(culprit.error.code, message, {
      hint: culprit.error.hint,
      cause: culprit.error,
      details,
    });
  const hint = `Add a builder that has it (--builder ${wanted}=ssh://USER@HOST), or register QEMU on one.`;
  return new AnyarchError("BUILDER_LACKS_PLATFORM", message, {
    hint: emulation
      ? hint
      : `Add a builder that has it (--builder ${wanted}=ssh://USER@HOST), or allow emulation.`,
    details,
  });
}

function describeAbility({ spec, facts }: Node, platform: Platform, emulation: boolean): string {
  const native = formatPlatform(facts.native);
  const able = `can run ${facts.platforms.map(formatPlatform).join(", ")}`;
  if (!isEligible(spec, platform)) {
    const named = (spec.platforms ?? []).map(formatPlatform).join(", ");
    return `${spec.name} is ${native}, was named for ${named} only, and ${able}`;
  }
  if (canRun(facts, platform))
    return `${spec.name} is ${native} and could only emulate it, which ${emulation ? "--fallback emulate would allow" : "is off"}`;
  return `${spec.name} is ${native} and ${able}`;
}

/** What is wrong with a node, without its name where the message begins with it. */
export function describeNode({ name }: NodeSpec, error: UnreachableNode["error"]): string {
  const { message } = error;
  return message.startsWith(`${name} `) ? message.slice(name.length + 1) : message;
}
