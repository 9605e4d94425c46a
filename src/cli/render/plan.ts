import type { BuildPlan, DockerfilePlan, PackageChoice } from "../../index.ts";
import type { OutputFlags } from "../flags.ts";
import type { Terminal } from "../terminal.ts";
import { showDockerfilePlan } from "./dockerfile-plan.ts";
import { formatTable } from "./table.ts";
import { formatBytes } from "./units.ts";

/** What --dry-run prints. */
export function showPlan(terminal: Terminal, plan: BuildPlan | DockerfilePlan, output: OutputFlags): void {
  if (output.format === "json") terminal.out(`${JSON.stringify(plan)}\n`);
  else if (plan.engine === "buildkit") showDockerfilePlan(terminal, plan);
  else showBuildPlan(terminal, plan);
}

/** The plan and the table package × platform. */
function showBuildPlan(terminal: Terminal, plan: BuildPlan): void {
  const bold = (text: string): string => terminal.paint("out", "bold", text);
  const { application } = plan;
  const name = [application.name, application.version].filter(Boolean).join(" ");
  terminal.out(
    formatTable([
      [bold("application"), `${name === "" ? plan.directory : name} (${application.type})`],
      [bold("starts with"), `${application.entrypoint.join(" ")}   from ${application.entrypointFrom}`],
      [bold("dependencies"), application.dependencies],
      [bold("base"), plan.base.location],
      ...plan.platforms.map(({ platform, base, facts }) => [
        bold(platform),
        [describeFacts(facts), base && `on ${base}`].filter(Boolean).join(", "),
      ]),
      ...plan.omitted.map(({ platform, message }) => [
        terminal.paint("out", "yellow", platform),
        `left out: ${message}`,
      ]),
      ...plan.tags.map((tag) => [bold(plan.push ? "push" : "tag"), tag]),
      ...plan.outputs.map((location) => [bold("write"), location]),
    ]),
  );
  for (const note of application.notes) terminal.out(`${terminal.paint("out", "yellow", "note")} ${note}\n`);
  if (plan.packages.length > 0) terminal.out(`\n${packageTable(terminal, plan)}`);
}

function describeFacts(facts: BuildPlan["platforms"][number]["facts"]): string {
  return [
    facts.python && `Python ${facts.python.version}`,
    facts.node && `Node.js ${facts.node.version}`,
    facts.libc && `${facts.libc.family} ${facts.libc.version}`,
  ]
    .filter(Boolean)
    .join(", ");
}

function packageTable(terminal: Terminal, plan: BuildPlan): string {
  const platforms = [
    ...plan.platforms.map(({ platform }) => platform),
    ...plan.omitted.map(({ platform }) => platform),
  ];
  const header = ["package", "version", ...platforms].map((text) => terminal.paint("out", "bold", text));
  const rows = plan.packages.map(({ name, version, choices }) => [
    name,
    version,
    ...platforms.map((platform) => describeChoice(terminal, choices[platform])),
  ]);
  return formatTable([header, ...rows]);
}

function describeChoice(terminal: Terminal, choice: PackageChoice | undefined): string {
  if (choice === undefined) return "";
  switch (choice.kind) {
    case "native":
      return [choice.why ?? "wheel", choice.size && formatBytes(choice.size)].filter(Boolean).join(" ");
    case "neutral":
      return terminal.paint("out", "dim", "any");
    case "excluded":
      return terminal.paint("out", "dim", "not needed");
    case "build":
      return terminal.paint("out", "yellow", `build, ${choice.why ?? ""}`);
    case "source":
      return terminal.paint("out", "red", "source only");
    case "missing":
      return terminal.paint("out", "red", "missing");
  }
}
