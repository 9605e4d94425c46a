import type { DockerfilePlan } from "../../index.ts";
import type { Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";

type Placed = DockerfilePlan["platforms"][number];
type Candidate = Placed["candidates"][number];

/** What --dry-run prints of a Dockerfile: builders, where each platform is built and why, hazards, commands. */
export function showDockerfilePlan(terminal: Terminal, plan: DockerfilePlan): void {
  const bold = (text: string): string => terminal.paint("out", "bold", text);
  terminal.out(
    formatTable([
      [bold("dockerfile"), plan.dockerfile],
      [bold("context"), plan.context],
      ...(plan.target === undefined ? [] : [[bold("target"), plan.target]]),
      [bold("client"), `${plan.backend.name} ${plan.backend.version}`],
      ...plan.tags.map((tag) => [bold(plan.push ? "push" : "tag"), tag]),
      ...plan.outputs.map((location) => [bold("write"), location]),
    ]),
  );
  terminal.out(
    `\n${bold("builders")}\n${indented(formatTable(plan.nodes.map((node) => nodeRow(terminal, node))))}`,
  );
  for (const placed of plan.platforms) terminal.out(`\n${describePlatform(terminal, placed)}`);
  for (const { platform, message, hint } of plan.omitted) {
    terminal.out(`\n${terminal.paint("out", "yellow", `${platform} is left out`)}  ${message}\n`);
    if (hint !== undefined) terminal.out(indented(`${hint}\n`));
  }
  if (plan.hazards.length > 0) terminal.out(`\n${bold("hazards")}\n${hazards(terminal, plan)}`);
}

function nodeRow(terminal: Terminal, node: DockerfilePlan["nodes"][number]): string[] {
  if (node.unreachable !== undefined)
    return [node.name, terminal.paint("out", "red", "not used"), node.unreachable];
  const others = node.platforms.filter((platform) => platform !== node.native);
  return [
    node.name,
    node.native ?? "",
    [
      [node.driver, node.version].filter(Boolean).join(" "),
      others.length === 0 ? "" : `also says ${others.join(", ")}`,
    ]
      .filter(Boolean)
      .join("; "),
  ];
}

function describePlatform(terminal: Terminal, { platform, optional, warning, candidates }: Placed): string {
  const name = terminal.paint("out", "bold", platform);
  const lines = candidates.map((candidate, index) => describeCandidate(terminal, candidate, index));
  const cost = warning === undefined ? "" : `${terminal.paint("out", "yellow", "warning")} ${warning}\n`;
  return `${name}${optional ? " (may be missing)" : ""}\n${indented(`${lines.join("")}${cost}`)}`;
}

function describeCandidate(terminal: Terminal, candidate: Candidate, index: number): string {
  const { node, placement, why, emulatedStages, command } = candidate;
  const style = placement === "emulated" ? "yellow" : "green";
  const stages = emulatedStages.length === 0 ? "" : `emulated stages: ${emulatedStages.join(", ")}\n`;
  return [
    `${index === 0 ? "on" : "else on"} ${node}, ${terminal.paint("out", style, placement)}: ${why}\n`,
    indented(`${stages}${terminal.paint("out", "dim", `$ ${command}`)}\n`),
  ].join("");
}

function hazards(terminal: Terminal, plan: DockerfilePlan): string {
  return plan.hazards
    .map(({ rule, severity, file, line, message, platforms }) => {
      const style = severity === "error" ? "red" : severity === "warning" ? "yellow" : "dim";
      const where = platforms.length === 0 ? "" : ` (${platforms.join(", ")})`;
      return `  ${terminal.paint("out", style, severity)} ${file}:${line} ${message}${where} [${rule}]\n`;
    })
    .join("");
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
