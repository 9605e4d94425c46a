import { createContext } from "../../../src/host/node-host.ts";
import type { Context, Host } from "../../../src/host/context.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { localProbe } from "../../../src/doctor/local-probe.ts";
import type { HostProbe } from "../../../src/doctor/probe.ts";
import { type Agree, repair } from "../../../src/doctor/repair.ts";
import { type CheckResult, type DoctorReport, examine, type Patient } from "../../../src/doctor/report.ts";
import { shellProbe } from "../../../src/doctor/shell-probe.ts";

/** Someone to be examined, with the context that it is done in. */
export interface Case {
  readonly patient: Patient;
  readonly ctx: Context;
}

export interface CaseOptions {
  readonly platforms?: readonly string[];
  readonly registries?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A machine behind a shell. */
export function behindShell(
  host: Host,
  command: readonly [string, ...string[]],
  options: CaseOptions = {},
): Case {
  const ctx = createContext(host);
  const probe = shellProbe({ name: "a namespace", command, env: options.env ?? {} }, ctx);
  return { patient: patientOf(probe, options), ctx };
}

/** This machine, as the host's environment shows it. */
export function onHost(host: Host, options: CaseOptions = {}): Case {
  const ctx = createContext(host);
  return { patient: patientOf(localProbe(ctx), options), ctx };
}

export function patientOf(
  probe: HostProbe,
  { platforms = ["linux/amd64", "linux/arm64"], registries = [] }: CaseOptions,
): Patient {
  return { probe, platforms: platforms.map(parsePlatform), registries };
}

export function diagnose({ patient, ctx }: Case): Promise<DoctorReport> {
  return examine(patient, ctx);
}

export async function repairAll(ill: Case, agree: Agree = () => true): Promise<DoctorReport> {
  return repair(ill.patient, await examine(ill.patient, ill.ctx), agree, ill.ctx);
}

/** The finding of a check, "STATUS FOUND"; of several all, one a line. */
export function finding({ checks }: DoctorReport, id: string): string {
  return findings({ checks }, id)
    .map(({ status, subject, found }) => `${status} ${subject === undefined ? "" : `${subject}: `}${found}`)
    .join("\n");
}

export function findings({ checks }: Pick<DoctorReport, "checks">, id: string): readonly CheckResult[] {
  return checks.filter((check) => check.id === id);
}
