import type { AnyarchError, Diagnosis, EnvironmentFacts } from "../../index.ts";
import type { Terminal } from "../terminal.ts";

/** Causes that are spelled out; those below are consequences more often than not. */
const shown = 3;

/** What a failed build's error knows beside its message: what is the matter, and on which machines it happened. */
export function showFailureDetails(terminal: Terminal, { details }: AnyarchError, version: string): void {
  const { environment } = details;
  for (const [diagnosis, ...others] of byCode(shownDiagnoses(details)))
    terminal.err(`\n${describe(terminal, diagnosis, others)}`);
  if (!isEnvironment(environment)) return;
  const lines = ["built with", ...environmentLines(environment, version).map((line) => `  ${line}`)];
  terminal.err(`\n${terminal.paint("err", "dim", lines.join("\n"))}\n`);
}

/** Several platforms may have failed alike: what helps is said once. */
function byCode(diagnoses: readonly Diagnosis[]): Iterable<readonly [Diagnosis, ...Diagnosis[]]> {
  const groups = new Map<string, [Diagnosis, ...Diagnosis[]]>();
  for (const diagnosis of diagnoses) {
    const group = groups.get(diagnosis.code);
    if (group === undefined) groups.set(diagnosis.code, [diagnosis]);
    else group.push(diagnosis);
  }
  return groups.values();
}

/** The lines of an error's hint that aren't shown as fixes of a diagnosis below it. */
export function hintBeside({ hint = "", details }: AnyarchError): string {
  const fixes = shownDiagnoses(details).flatMap((diagnosis) => diagnosis.fixes);
  return hint
    .split("\n")
    .filter((line) => !fixes.some(({ title }) => line.startsWith(title)))
    .join("\n");
}

function shownDiagnoses({ diagnoses }: AnyarchError["details"]): readonly Diagnosis[] {
  return Array.isArray(diagnoses) ? diagnoses.filter(isDiagnosis).slice(0, shown) : [];
}

function environmentLines(facts: EnvironmentFacts, version: string): readonly string[] {
  const { host, mode, client, dockerClient, dockerServer, builders, emulators } = facts;
  const docker = [dockerClient && `client ${dockerClient}`, dockerServer && `server ${dockerServer}`];
  const named = docker.filter(Boolean).join(", ");
  // Whether a container has Docker's socket is no matter where nobody uses Docker.
  const usesDocker =
    dockerServer !== undefined || builders.some(({ driver }) => driver?.startsWith("docker") === true);
  return [
    `anyarch ${version}, Node.js ${facts.node}, ${host.os} ${host.arch}, kernel ${host.kernel}`,
    usesDocker || mode.kind !== "container" ? mode.text : "In a container.",
    ...(client === undefined ? [] : [client]),
    ...(named !== "" && (usesDocker || client?.startsWith("buildx")) ? [`docker ${named}`] : []),
    ...builders.map(({ name, native, driver, version: buildkit, unreachable }) => {
      const what = [native, driver, buildkit && `BuildKit ${buildkit}`].filter(Boolean).join(", ");
      return `builder ${name}: ${unreachable === undefined ? what : `not used: ${unreachable}`}`;
    }),
    ...emulators.map(({ name, version: qemu, flags, enabled }) =>
      [`emulator ${name}`, qemu, `flags ${flags || "none"}`, enabled ? undefined : "off"]
        .filter(Boolean)
        .join(", "),
    ),
  ];
}

function describe(terminal: Terminal, diagnosis: Diagnosis, others: readonly Diagnosis[]): string {
  const { code, title, confidence, why, fixes, evidence } = diagnosis;
  const certainty = confidence === "certain" ? "" : ` (${confidence})`;
  const places = new Set([diagnosis, ...others].map(placeOf).filter((place) => place !== ""));
  return [
    `${terminal.paint("err", "bold", title)}${certainty} ${terminal.paint("err", "dim", `[${code}]`)}\n`,
    ...[...places].map((place) => `  ${place}\n`),
    ...evidence.slice(0, 1).map(({ text }) => `  ${terminal.paint("err", "dim", `> ${text}`)}\n`),
    `${indented(why)}\n`,
    ...fixes.map(({ title: what, detail, workaround }) => {
      const label = terminal.paint("err", "cyan", workaround === true ? "workaround" : "fix");
      return `  ${label} ${what}\n${indented(indented(detail))}\n`;
    }),
  ].join("");
}

function placeOf({ platform, emulated, step }: Diagnosis): string {
  const count =
    step?.index === undefined ? "" : ` ${step.index}${step.total === undefined ? "" : `/${step.total}`}`;
  return [
    platform,
    emulated === undefined ? undefined : emulated ? "emulated" : "not emulated",
    step?.stage === undefined ? undefined : `stage ${step.stage}`,
    step?.command === undefined ? undefined : `step${count}: ${step.command}`,
  ]
    .filter((part) => part !== undefined)
    .join(", ");
}

function isDiagnosis(value: unknown): value is Diagnosis {
  return typeof value === "object" && value !== null && "code" in value && "why" in value && "fixes" in value;
}

function isEnvironment(value: unknown): value is EnvironmentFacts {
  return typeof value === "object" && value !== null && "host" in value && "builders" in value;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
