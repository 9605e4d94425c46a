import type { FailedStep } from "../diagnosis.ts";
import type { LogLine, LogStep } from "./log-line.ts";
import { isInstruction, parseStepName } from "./step-heading.ts";

type Placed = Omit<LogLine, "number">;

const mostSteps = 10_000;

/** Follows a log and tells of each line which step it belongs to and whether it is output or repeats input. */
export class StepTracker {
  readonly #byId = new Map<string, LogStep>();
  readonly #byName = new Map<string, LogStep>();
  /** Of classic builders, whose lines carry no number, and of excerpts. */
  #current: LogStep | undefined;
  #excerpt = false;
  #stage: string | undefined;
  #fromPlatform: string | undefined;

  /** The step that the log calls failed, the last one named. */
  failed: LogStep | undefined;
  /** Instructions and commands that the log shows, at most 400. */
  readonly commands: string[] = [];

  place(text: string, given?: FailedStep): Placed {
    if (given !== undefined) return this.#given(text, given);
    const numbered = /^#(\d{1,6}) (.*)$/.exec(text);
    if (numbered?.[2]?.startsWith("[") === true) this.#excerpt = false;
    if (numbered !== null && !this.#excerpt) return this.#numbered(numbered[1] ?? "", numbered[2] ?? "");
    return this.#excerptLine(text) ?? this.#classic(text) ?? this.#shell(text) ?? this.#plain(text);
  }

  #given(text: string, given: LogStep): Placed {
    const name = [given.platform, given.stage, given.index, given.command].join(" ");
    const step = this.#byName.get(name) ?? this.#remember(name, { ...given });
    if (/^ERROR: (?:context cancel+ed|cancel+ed)/.test(text)) step.state ??= "abandoned";
    else if (text.startsWith("ERROR: ")) this.#fail(step);
    if (/^DONE(?: \d+\.\d+s)?$/.test(text)) {
      step.state ??= "done";
      return { text, kind: "echo", step };
    }
    if (text === given.command || (text.startsWith("[") && parseStepName(text) !== undefined)) {
      return { text, kind: "echo", step };
    }
    return { ...this.#output(text, step), step };
  }

  #numbered(id: string, rest: string): Placed {
    const named = rest.startsWith("[") ? parseStepName(rest) : undefined;
    if (named !== undefined) {
      const known = this.#byId.get(id);
      // Numbers begin anew where a log holds several builds.
      const step =
        known?.state === undefined && isSame(known, named) ? known : this.#newStep(id, rest, named);
      return { text: rest, kind: "echo", step };
    }
    const step = this.#byId.get(id) ?? this.#unnamedStep(id, rest);
    if (step?.state === "abandoned" && step.command === undefined) return { text: rest, kind: "echo", step };
    const timed = /^\d+\.\d* +(.*)$/.exec(rest);
    if (timed !== null) return this.#output(timed[1] ?? "", step);
    if (/^(?:DONE|CACHED)\b/.test(rest)) {
      if (step.state === undefined) this.#end(step);
      return { text: rest, kind: "echo", step };
    }
    if (/^(?:CANCELED|CANCELLED)\b/.test(rest) && step) step.state = "abandoned";
    if (/^ERROR\b/.test(rest) && step) this.#fail(step);
    return this.#output(rest, step);
  }

  /** "exporting to image" and the like. What a cache couldn't give is built: such failures never end a build. */
  #unnamedStep(id: string, name: string): LogStep {
    const step: LogStep = /^(?:importing|inferred) cache/.test(name) ? { state: "abandoned" } : {};
    if (this.#byId.size < mostSteps) this.#byId.set(id, step);
    return step;
  }

  /** BuildKit's display for terminals, and the excerpt " > [stage 3/7] RUN …:" with its lines up to "------". */
  #excerptLine(text: string): Placed | undefined {
    const live = /^\s*=> (?:(ERROR|CACHED|CANCELED) )?(\[.*?)(?:\s+\d+(?:\.\d+)?s)?$/.exec(text);
    const head = live ?? /^ ?> ()(\[.+\] .*?):?$/.exec(text);
    if (head !== null) {
      const named = parseStepName(head[2] ?? "");
      if (named === undefined) return undefined;
      const step = this.#byName.get(head[2] ?? "") ?? this.#remember(head[2] ?? "", named);
      if (live === null || head[1] === "ERROR") this.#fail(step);
      if (head[1] === "CANCELED") step.state = "abandoned";
      this.#excerpt = live === null;
      this.#current = step;
      return { text: head[2] ?? "", kind: "echo", step };
    }
    const shown = /^\s*=> => # ?(.*)$/.exec(text);
    if (shown !== null) return this.#output(shown[1] ?? "", this.#current);
    if (/^-{4,}$/.test(text)) {
      this.#excerpt = false;
      return { text, kind: "echo" };
    }
    if (this.#excerpt) return this.#output(text.replace(/^(?:#\d+ )?\d+\.\d* +/, ""), this.#current);
    const frame = /^\s{0,6}\d{1,5} \| (?:(>>>) ?)?(.*)$/.exec(text);
    if (frame === null) return undefined;
    return { text: frame[2] ?? "", kind: "echo", ...(this.failed && { step: this.failed }) };
  }

  /** docker's classic builder, buildah and podman, kaniko. */
  #classic(text: string): Placed | undefined {
    const step =
      /^Step (\d{1,4})\/(\d{1,4}) ?: (.*)$/.exec(text) ??
      /^(?:\[\d+\/\d+\] )?STEP (\d{1,4})(?:\/(\d{1,4}))?: (.*)$/.exec(text);
    const kaniko = /^(?:INFO|\[36mINFO)\S{0,10}\[\d+\]\s+(.*)$/.exec(text);
    const command = step?.[3] ?? (kaniko !== null && isInstruction(kaniko[1] ?? "") ? kaniko[1] : undefined);
    if (command === undefined)
      return kaniko === null ? undefined : this.#output(kaniko[1] ?? "", this.#current);
    const from = /^FROM\s+(?:--platform=(\S+)\s+)?\S+(?:\s+AS\s+(\S+))?/i.exec(command);
    if (from !== null) {
      this.#stage = from[2];
      this.#fromPlatform = from[1]?.includes("/") === true ? from[1] : undefined;
    }
    const at = step && { index: Number(step[1]), ...(step[2] !== undefined && { total: Number(step[2]) }) };
    this.#current = this.#remember(text, {
      command,
      ...at,
      ...(this.#stage !== undefined && { stage: this.#stage }),
      ...(this.#fromPlatform !== undefined && { platform: this.#fromPlatform }),
    });
    this.#excerpt = false;
    return { text: command, kind: "echo", step: this.#current };
  }

  /** What a shell or a CI system repeats of its input: "+ npm ci", "$ docker build .", "[command]/usr/bin/docker …". */
  #shell(text: string): Placed | undefined {
    const command = /^(?:\++ |\$ |[\w.@-]{1,40}[:~][\w/~.-]{0,80}[$#] |\[command\]|Run )(\S.*)$/.exec(text);
    if (command === null) return undefined;
    this.#command(command[1] ?? "");
    return { text, kind: "echo", ...(this.#current && { step: this.#current }) };
  }

  #plain(text: string): Placed {
    return this.#output(text, this.#current);
  }

  #output(text: string, step: LogStep | undefined): Placed {
    const short = this.#withoutCommand(text, step);
    if (short !== undefined) return short;
    const traced = /^\++ (\S.*)$/.exec(text);
    if (traced !== null) this.#command(traced[1] ?? "");
    return { text, kind: traced === null ? "output" : "echo", ...(step && { step }) };
  }

  /** Takes the repeated command out of the builder's last word, so that no rule takes it for what went wrong. */
  #withoutCommand(text: string, known: LogStep | undefined): Placed | undefined {
    const told = lastWords.map((pattern) => pattern.exec(text)).find((match) => match !== null);
    if (told === null || told === undefined) return undefined;
    const command = (told[3] ?? "").replaceAll('\\"', '"');
    const step =
      known ?? this.#stepOf(command) ?? this.failed ?? this.#remember(command, { command: `RUN ${command}` });
    step.command ??= `RUN ${command}`;
    this.#command(command);
    this.#fail(step);
    return { text: `${told[1] ?? ""}${told[2] ?? ""}… ${told[4] ?? ""}`, kind: "output", step };
  }

  /** The step of this command that the builder speaks of: the same may have come through for another platform. */
  #stepOf(command: string): LogStep | undefined {
    const isOf = (step: LogStep): boolean =>
      command !== "" && step.command?.includes(command.slice(0, 60)) === true;
    if (this.failed !== undefined && isOf(this.failed)) return this.failed;
    const steps = [...this.#byName.values()].filter(isOf);
    return (
      steps.find(({ state }) => state === "failed") ?? steps.find(({ state }) => state !== "done") ?? steps[0]
    );
  }

  #newStep(id: string, name: string, step: LogStep): LogStep {
    if (this.#byId.size < mostSteps) this.#byId.set(id, step);
    return this.#remember(name, step);
  }

  #remember(name: string, step: LogStep): LogStep {
    if (this.#byName.size < mostSteps) this.#byName.set(name, step);
    if (step.command !== undefined) this.#command(step.command);
    return step;
  }

  #command(text: string): void {
    if (this.commands.length < 400 && this.commands.at(-1) !== text) this.commands.push(text);
  }

  /** What failed in an earlier build and now came through was no reason. */
  #end(step: LogStep): void {
    step.state = "done";
    if (this.failed === undefined || this.failed === step || !isSame(this.failed, step)) return;
    this.failed.state = "done";
    this.failed = undefined;
  }

  #fail(step: LogStep): void {
    if (step.state === "abandoned") return;
    step.state = "failed";
    this.failed = step;
  }
}

function isSame(known: LogStep | undefined, step: LogStep): known is LogStep {
  return (
    known !== undefined &&
    known.command === step.command &&
    known.platform === step.platform &&
    known.stage === step.stage &&
    known.index === step.index
  );
}

/** How builders say that a command failed: what goes before, an emulator, the command, what follows. */
const lastWords: readonly RegExp[] = [
  /^(.*?process )"((?:\/dev\/\.buildkit_qemu_emulator |\/usr\/bin\/qemu-\S+ )?)(?:\/\S*sh -\S+ )?(.*)" (did not complete successfully: .*)$/,
  /^(.*?executor failed running )\[((?:\/dev\/\.buildkit_qemu_emulator |\/usr\/bin\/qemu-\S+ )?)(?:\/\S*sh -\S+ )?(.*)\](: .*)$/,
  /^(.*?The command )'()(?:\/\S*sh -\S+ )?(.*)' (returned a non-zero code: .*)$/,
  /^(.*?building at STEP )"()(?:RUN )?(.*)"(: .*)$/,
];
