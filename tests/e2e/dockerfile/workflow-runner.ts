import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

type Values = Readonly<Record<string, string>>;

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Values;
}

interface Job {
  readonly "continue-on-error"?: string;
  readonly env?: Values;
  readonly outputs?: Values;
  readonly strategy?: { readonly matrix: { readonly include: readonly Readonly<Record<string, unknown>>[] } };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly env: Values;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** What a job came to. */
export interface JobEnd {
  readonly result: "success" | "failure";
  readonly outputs: Values;
  readonly summary: string;
  /** Of every step that ran: its name, output and exit code. */
  readonly steps: readonly { readonly name: string; readonly code: number; readonly output: string }[];
}

type Scope = Readonly<Record<string, unknown>>;

/** Runs the `run:` steps of a GitHub workflow as a runner does; actions (`uses:`) are left out. */
export class WorkflowRunner {
  readonly #workflow: Workflow;
  readonly #temp: string;
  readonly #options: { readonly cwd: string; readonly env: Values };

  constructor(text: string, options: { readonly cwd: string; readonly env: Values; readonly temp: string }) {
    this.#workflow = parse(text) as Workflow;
    this.#temp = options.temp;
    this.#options = options;
  }

  /** A job and, where it has a matrix, its rows at once; the job's result as dependent jobs see it. */
  async run(
    name: string,
    needs: Readonly<Record<string, JobEnd>> = {},
  ): Promise<{
    readonly end: JobEnd;
    readonly rows: readonly JobEnd[];
  }> {
    const job = this.#workflow.jobs[name];
    if (job === undefined) throw new Error(`there is no job ${name}`);
    const matrix = job.strategy?.matrix.include ?? [{}];
    const rows = await Promise.all(matrix.map((row) => this.#runRow(job, { matrix: row, needs })));
    const mayFail = matrix.map((row) => evaluate(job["continue-on-error"] ?? "", { matrix: row }) === "true");
    const failed = rows.some(({ result }, at) => result === "failure" && mayFail[at] === false);
    // Of rows, the last that says something counts.
    const outputs = Object.assign({}, ...rows.map((row) => onlySaid(row.outputs))) as Values;
    const end: JobEnd = {
      result: failed ? "failure" : "success",
      outputs,
      summary: rows.map(({ summary }) => summary).join(""),
      steps: rows.flatMap(({ steps }) => steps),
    };
    return { end, rows };
  }

  async #runRow(job: Job, scope: Scope): Promise<JobEnd> {
    const temp = mkdtempSync(join(this.#temp, "job-"));
    const summary = join(temp, "summary");
    writeFileSync(summary, "");
    const steps: Record<string, { readonly outputs: Values }> = {};
    const ran: { name: string; code: number; output: string }[] = [];
    const github = { repository: "Owner/App", actor: "owner", workflow: "w", ref: "refs/heads/main" };
    const full = (): Scope => ({ ...scope, steps, github, runner: { temp }, secrets: {} });
    let failed = false;
    for (const step of job.steps) {
      if (step.run === undefined || (failed && step.if !== "always()")) continue;
      const outputFile = join(temp, `output-${ran.length}`);
      writeFileSync(outputFile, "");
      const layers = [this.#workflow.env, job.env ?? {}, step.env ?? {}].flatMap(Object.entries);
      const env = Object.fromEntries(
        layers.map(([key, value]) => [key, evaluate(String(value), full())] as const),
      );
      const files = { GITHUB_OUTPUT: outputFile, GITHUB_STEP_SUMMARY: summary, RUNNER_TEMP: temp };
      const { code, output } = await this.#bash(step.run, { ...env, ...files }, temp);
      ran.push({ name: step.name ?? "", code, output });
      if (step.id !== undefined) steps[step.id] = { outputs: readOutputs(outputFile) };
      failed ||= code !== 0;
    }
    const outputs = Object.entries(job.outputs ?? {}).map(
      ([key, value]) => [key, evaluate(value, full())] as const,
    );
    return {
      result: failed ? "failure" : "success",
      outputs: Object.fromEntries(outputs),
      summary: readFileSync(summary, "utf8"),
      steps: ran,
    };
  }

  #bash(script: string, env: Values, temp: string): Promise<{ code: number; output: string }> {
    const file = join(temp, "script.sh");
    writeFileSync(file, script);
    return new Promise((settle, reject) => {
      const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", file], {
        cwd: this.#options.cwd,
        env: { ...process.env, ...this.#options.env, ...env, NO_COLOR: "1" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => (output += text));
      child.on("error", reject);
      child.on("close", (code) => settle({ code: code ?? 1, output }));
    });
  }
}

function onlySaid(outputs: Values): Values {
  return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== ""));
}

function readOutputs(file: string): Values {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return Object.fromEntries(lines.map((line) => [line.replace(/=.*/, ""), line.replace(/^[^=]*=/, "")]));
}

/** Expressions that are a path (`steps.build.outputs.digest`) or a literal; what isn't there is empty. */
function evaluate(text: string, scope: Scope): string {
  return text.replaceAll(/\$\{\{ *(.*?) *\}\}/g, (_all, expression: string) => {
    const literal = /^'(.*)'$/.exec(expression)?.[1];
    if (literal !== undefined) return literal;
    let value: unknown = scope;
    for (const part of expression.split("."))
      value = (value as Readonly<Record<string, unknown>> | undefined)?.[part];
    return typeof value === "string" || typeof value === "boolean" ? String(value) : "";
  });
}
