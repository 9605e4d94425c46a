import type { BuildResult, BuiltPlatform, DockerfilePlan } from "../../index.ts";
import type { OutputFlags } from "../flags.ts";
import type { Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";
import { formatBytes, formatSeconds } from "./units.ts";

/** The summary of a build: what was made, what is shared, where it went, what to run next. */
export function showBuildResult(terminal: Terminal, result: BuildResult, output: OutputFlags): void {
  if (output.format === "json") {
    terminal.out(`${JSON.stringify(result)}\n`);
    return;
  }
  if (output.quiet) {
    terminal.out(`${result.digest}\n`);
    return;
  }
  if (output.mode === "json") {
    terminal.out(
      `${JSON.stringify({ schema: "anyarch.event/v1", time: Date.now(), type: "result", result })}\n`,
    );
    return;
  }
  terminal.out(`\n${platformTable(terminal, result)}`);
  terminal.out(sharing(result));
  showPublished(terminal, result);
  showOmitted(terminal, result);
}

/** Loud: an image that lacks a platform looks like any other. */
function showOmitted(terminal: Terminal, { omitted, plan }: BuildResult): void {
  for (const { platform, message, hint, attempts = [] } of omitted) {
    terminal.err(`\n${terminal.paint("err", "yellow", `LEFT OUT ${platform}`)}  ${message}\n`);
    if (hint !== undefined) terminal.err(hint.replace(/^/gm, "  ") + "\n");
    // Of a single one the message tells already.
    for (const { node, placement, durationMs, failure } of attempts.length > 1 ? attempts : []) {
      const how = failure === undefined ? "" : `: ${failure.message.split("\n", 1)[0]} [${failure.code}]`;
      terminal.err(`  tried on ${node}, ${placement}, ${formatSeconds(durationMs)}${how}\n`);
    }
  }
  if (omitted.length === 0) return;
  const missing = omitted.map(({ platform }) => platform).join(", ");
  const optional = plan.engine === "buildkit" && omitted.every(({ platform }) => isOptional(plan, platform));
  const why = optional ? "which was asked for as optional" : "as --fallback available allows";
  terminal.err(`\nThe image has no ${missing}, ${why}: exit code 3.\n`);
}

function isOptional(plan: DockerfilePlan, platform: string): boolean {
  return plan.platforms.some((placed) => placed.platform === platform && placed.optional);
}

function platformTable(terminal: Terminal, result: BuildResult): string {
  const built = result.platforms.some(({ node }) => node !== undefined);
  const titles = ["platform", "digest", "size", "layers", "proved", ...(built ? ["built"] : [])];
  const rows = result.platforms.map((platform) => [
    platform.platform,
    platform.digest.slice(0, 19),
    formatBytes(platform.size),
    layerCounts(platform),
    proof(terminal, platform),
    ...(built ? [howBuilt(terminal, platform)] : []),
  ]);
  return formatTable([titles.map((text) => terminal.paint("out", "bold", text)), ...rows], { right: [2] });
}

function layerCounts({ layers }: BuiltPlatform): string {
  const shared = layers.filter(({ sharedBy }) => sharedBy > 1).length;
  const cached = layers.filter((layer) => layer.cached).length;
  return `${layers.length}${shared > 0 ? `, ${shared} shared` : ""}${cached > 0 ? `, ${cached} cached` : ""}`;
}

function proof(terminal: Terminal, { verified }: BuiltPlatform): string {
  if (verified === undefined) return terminal.paint("out", "yellow", "not proved");
  return `${terminal.paint("out", "green", "✓")} ${verified.elf} ELF of ${verified.files} files`;
}

function howBuilt(terminal: Terminal, { node, placement, durationMs, attempts = [] }: BuiltPlatform): string {
  const how = terminal.paint("out", placement === "emulated" ? "yellow" : "green", placement ?? "");
  const time = durationMs === undefined ? "" : `, ${formatSeconds(durationMs)}`;
  const tries = attempts.length > 1 ? `, try ${attempts.length}` : "";
  return `${how} on ${node ?? "this machine"}${time}${tries}`;
}

/** "shared by the platforms: application (1.2 MB)", and how much that saves. */
function sharing(result: BuildResult): string {
  const shared = new Map(
    result.platforms.flatMap(({ layers }) =>
      layers.filter(({ sharedBy }) => sharedBy > 1).map((layer) => [layer.digest, layer]),
    ),
  );
  if (shared.size === 0) return "";
  const names = [...shared.values()].map(({ name, size }) => `${name} (${formatBytes(size)})`).join(", ");
  const saved = [...shared.values()].reduce((sum, { size, sharedBy }) => sum + size * (sharedBy - 1), 0);
  return `shared by the platforms: ${names}\n  ${formatBytes(saved)} less to store and send\n`;
}

function showPublished(terminal: Terminal, result: BuildResult): void {
  const kind = result.mediaType.includes("index") ? indexOf(result.platforms.length) : "image";
  terminal.out(
    `\n${terminal.paint("out", "bold", kind)} ${result.digest}  in ${formatSeconds(result.durationMs)}\n`,
  );
  for (const { location, pushed, mounted, existing, bytes } of result.published) {
    const parts = [
      `${pushed} sent (${formatBytes(bytes)})`,
      ...(mounted > 0 ? [`${mounted} mounted`] : []),
      ...(existing > 0 ? [`${existing} there already`] : []),
    ];
    terminal.out(`  ${location}  ${terminal.paint("out", "dim", parts.join(", "))}\n`);
  }
  const next = nextCommand(result);
  if (next !== undefined) terminal.out(`\nnext: ${terminal.paint("out", "cyan", next)}\n`);
}

/** Of a single platform where it has attestations. */
function indexOf(platforms: number): string {
  return platforms === 1 ? "index of one platform" : `index of ${platforms} platforms`;
}

function nextCommand(result: BuildResult): string | undefined {
  const local = result.published.find(({ location }) => location.startsWith("oci:"));
  if (local === undefined) return `anyarch inspect ${result.tags[0] ?? result.published[0]?.location ?? ""}`;
  return `anyarch inspect ${local.location}`;
}
