import type { AnyarchError, Diagnosis } from "../../index.ts";
import type { Terminal } from "../terminal.ts";

/** Causes that are spelled out; those below are consequences more often than not. */
const shown = 3;

/** What a failed build's error knows beside its message: what was tried, what is the matter, and on which machines. */
export function showFailureDetails(terminal: Terminal, { details }: AnyarchError): void {
  const diagnoses = listOf(details["diagnoses"], isDiagnosis);
  for (const diagnosis of diagnoses.slice(0, shown)) terminal.err(`\n${describe(terminal, diagnosis)}`);
  const facts = listOf(details["environment"], (value) => typeof value === "string");
  if (facts.length === 0) return;
  terminal.err(
    `\n${terminal.paint("err", "dim", ["built with", ...facts.map((fact) => `  ${fact}`)].join("\n"))}\n`,
  );
}

function describe(terminal: Terminal, diagnosis: Diagnosis): string {
  const { code, title, confidence, why, fixes, evidence } = diagnosis;
  const certainty = confidence === "certain" ? "" : ` (${confidence})`;
  const place = placeOf(diagnosis);
  return [
    `${terminal.paint("err", "bold", title)}${certainty} ${terminal.paint("err", "dim", `[${code}]`)}\n`,
    ...(place === "" ? [] : [`  ${place}\n`]),
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

function listOf<T>(value: unknown, is: (item: unknown) => item is T): readonly T[] {
  return Array.isArray(value) ? value.filter(is) : [];
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
