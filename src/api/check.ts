import { realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  type CheckFinding,
  checkDockerfile,
  type CheckDockerfileOptions,
} from "../diagnose/check-dockerfile.ts";
import type { DockerfileModel } from "../diagnose/dockerfile/model.ts";
import type { LineEdit, Severity } from "../diagnose/dockerfile/rule.ts";
import { baselineOf, parseBaseline, withoutBaseline } from "../diagnose/files/baseline.ts";
import { dockerfileRules } from "../diagnose/rules/dockerfile-rules.ts";
import { AnyarchError } from "../errors/error.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import type { Context } from "../host/context.ts";
import { readTextFile } from "../host/text-file.ts";
import { type Unit, UnitContexts, unitsOf } from "./check-units.ts";
import { type ApiSettings, configFor, withContext } from "./settings.ts";

export interface CheckOptions {
  /** Files and directories; "." by default. "-" is `stdin`. */
  readonly paths?: readonly string[];
  /** The text of "-". */
  readonly stdin?: string;
  /** The build's context, a directory; else that of the compose or bake file, or the nearest that has what COPY names. */
  readonly contextDirectory?: string;
  /** Targets that matter; linux/amd64 and linux/arm64 by default, or what a compose or bake file names. */
  readonly platforms?: readonly string[];
  /** Rules to leave out, beside the configuration's. */
  readonly skip?: readonly string[];
  /** Asks registries and file servers what the files alone don't tell. */
  readonly online?: boolean;
  /** Path of a file with findings that are put up with. */
  readonly baseline?: string;
  /** Writes that file with what is found now. */
  readonly updateBaseline?: boolean;
  /** Applies edits that leave the native build as it is. */
  readonly fix?: boolean;
  /** With `fix`: nothing is written. */
  readonly dryRun?: boolean;
}

export interface CheckReport {
  readonly schema: "anyarch.check/v1";
  /** By file, then line. */
  readonly findings: readonly CheckFinding[];
  /** Every file that was checked, with its verdict. */
  readonly files: readonly CheckedFile[];
  /** Files that `fix` changed, or would. */
  readonly fixed: readonly { readonly file: string; readonly diff: string }[];
  /** How many findings the baseline covers. */
  readonly baselined: number;
}

export interface CheckedFile {
  readonly file: string;
  readonly errors: number;
  readonly warnings: number;
  readonly infos: number;
}

/** A rule of `check`, as `anyarch rules` shows it. */
export interface CheckRule {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly why: string;
  readonly fix: string;
}

export function checkRules(): readonly CheckRule[] {
  return dockerfileRules.map(({ id, severity, title, why, fix }) => ({ id, severity, title, why, fix }));
}

/**
 * Checks Dockerfiles, and those that compose and bake files build, for what goes wrong on other platforms. Nothing is
 * executed; the network is asked only where `online` is set. Throws INPUT_UNREADABLE, INPUT_INVALID, PLATFORM_INVALID,
 * CONFIG_INVALID, USAGE for rules that don't exist.
 */
export function check(options: CheckOptions = {}, settings: ApiSettings = {}): Promise<CheckReport> {
  return withContext(settings, async (ctx) => {
    const { cwd } = ctx.host;
    const config = await configFor(settings, cwd, cwd);
    const skip = [...(config?.check.skip ?? []), ...(options.skip ?? [])];
    const severity = config?.check.severity ?? {};
    for (const rule of [...skip, ...Object.keys(severity)]) mustBeRule(rule);
    const units = await unitsOf(options, cwd);
    const contexts = new UnitContexts(options, cwd);
    // Loaded where it is needed: most checks change nothing.
    const fixer = options.fix === true ? await import("../diagnose/files/fix.ts") : undefined;
    const how = { skip, severity, contexts, fixer, dryRun: options.dryRun === true };
    const findings: CheckFinding[] = [];
    const fixed: { file: string; diff: string }[] = [];
    for (const unit of units) {
      ctx.signal.throwIfAborted();
      findings.push(...(await checkUnit(unit, how, fixed)));
    }
    if (options.online === true)
      findings.push(...(await onlineFindings(units, { skip, severity }, settings, ctx)));
    const texts = new Map(units.map((unit) => [unit.file, unit.text.split("\n")]));
    const offsets = new Map(units.map((unit) => [unit.file, unit.offset]));
    const lineOf = ({ file, line }: CheckFinding): string =>
      texts.get(file)?.[line - 1 - (offsets.get(file) ?? 0)] ?? "";
    const left = await afterBaseline(findings, options, cwd, lineOf);
    const files = units.map(({ file }) => verdictOf(file, left));
    return {
      schema: "anyarch.check/v1",
      findings: left,
      files,
      fixed,
      baselined: findings.length - left.length,
    };
  });
}

function mustBeRule(id: string): void {
  if (id === "dockerfile-invalid" || dockerfileRules.some((rule) => rule.id === id)) return;
  throw new AnyarchError("USAGE", `There is no rule "${id}".`, { hint: "anyarch rules lists them." });
}

function verdictOf(file: string, findings: readonly CheckFinding[]): CheckedFile {
  const count = (severity: Severity): number =>
    findings.filter((each) => each.file === file && each.severity === severity).length;
  return { file, errors: count("error"), warnings: count("warning"), infos: count("info") };
}

type Fixer = typeof import("../diagnose/files/fix.ts");

interface How extends Pick<CheckDockerfileOptions, "skip" | "severity"> {
  readonly contexts: UnitContexts;
  /** Where findings are mended. */
  readonly fixer: Fixer | undefined;
  readonly dryRun: boolean;
}

async function checkUnit(
  unit: Unit,
  how: How,
  fixed: { file: string; diff: string }[],
): Promise<CheckFinding[]> {
  const { file, offset, path, platforms } = unit;
  const { skip, severity, contexts, fixer, dryRun } = how;
  const all = { skip, severity, platforms, context: (model: DockerfileModel) => contexts.of(unit, model) };
  let { findings, edits } = checkDockerfile(file, unit.text, all);
  if (fixer !== undefined && path !== undefined) {
    const wanted = edits.filter((each): each is readonly LineEdit[] => each !== undefined && each.length > 0);
    const after = fixer.applyEdits(unit.text, wanted);
    if (after !== unit.text) {
      fixed.push({ file, diff: fixer.unifiedDiff(file, unit.text, after) });
      if (!dryRun) {
        // What a link leads to is changed, with the mode that it has, and never half.
        const target = realpathSync(path);
        await writeFileAtomic(target, after, statSync(target).mode & 0o777);
        ({ findings, edits } = checkDockerfile(file, after, all));
      }
    }
  }
  return findings.map((finding) => ({
    ...finding,
    line: finding.line + offset,
    endLine: finding.endLine + offset,
  }));
}

async function afterBaseline(
  findings: readonly CheckFinding[],
  options: CheckOptions,
  cwd: string,
  lineOf: (finding: CheckFinding) => string,
): Promise<readonly CheckFinding[]> {
  if (options.baseline === undefined) {
    if (options.updateBaseline === true)
      throw new AnyarchError("USAGE", "--update-baseline needs --baseline FILE.");
    return findings;
  }
  const path = resolve(cwd, options.baseline);
  if (options.updateBaseline === true) {
    await writeFileAtomic(path, `${JSON.stringify(baselineOf(findings, lineOf), undefined, 2)}\n`);
    return [];
  }
  return withoutBaseline(findings, parseBaseline(options.baseline, readTextFile(path)), lineOf);
}

async function onlineFindings(
  units: readonly Unit[],
  how: Pick<CheckDockerfileOptions, "skip" | "severity">,
  settings: ApiSettings,
  ctx: Context,
): Promise<CheckFinding[]> {
  const { askOnline } = await import("./check-online.ts");
  const findings: CheckFinding[] = [];
  for (const { file, text, platforms, path } of units) {
    findings.push(
      ...(await askOnline(
        { file, text, platforms, directory: path === undefined ? ctx.host.cwd : dirname(path) },
        settings,
        ctx,
      )),
    );
  }
  return findings.filter(({ rule }) => how.skip?.includes(rule) !== true);
}
