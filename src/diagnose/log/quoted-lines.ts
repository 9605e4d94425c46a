import type { LogLine, LogStep } from "./log-line.ts";

/** A diff's removed and added lines are looked for in so many lines after its head. */
const longestDiff = 60;
/** Shorter texts stand in a command by chance. */
const shortestEcho = 10;

/** Source lines that a compiler, linter or test runner shows, with their number, a bar or a mark before them. */
const excerpt =
  /^\s{0,10}(?:>{1,3} {0,3})?\d{1,6} ?[|│] |^\s{0,12}[|│](?:\s{0,200}$|\s{1,200}[\^~])|^\s{0,4}\d{1,6}\t|^> {2,}\S|^\s{0,12}(?:-->|╭─|╰─\[|┌─) \S{1,200}:\d/;
const carets = /^(?:\s{0,10}\|)?\s{0,200}[\^~][\^~ -]{0,200}$/;
/** A message with its place in the source: what a caret line belongs to, where no source stands between. */
const located = /^\S{1,300}:\d+(?::\d+)?: |^(?:fatal |syntax )?error\b/i;

/** What test runners print of values and assertions. */
const assertion = new RegExp(
  [
    String.raw`^\s{0,8}(?:(?:Expected|Received|Actual)(?: (?:string|value|number|substring|pattern|object|path|length))?|expected|actual|got|want|left|right|diff): {1,8}\S`,
    String.raw`\b(?:Assertion(?:Failed)?Error|AssertionFailure|ComparisonFailure|assert(?:Equals?|That|Raises|Throws)|ERR_ASSERTION)\b`,
    String.raw`\bexpect(?:ed)?\(|^\s{0,12}assert[ (]|\bassert \S.{0,200} (?:==|!=|in|is|not in) |assertion (?:failed: )?\x60\(?left\b`,
    String.raw`\bexpected:? {0,2}[<"'].{0,300}\b(?:but was|but got|to (?:be|equal|contain|match|throw)|got|actual)\b`,
    String.raw`\bgot:? .{0,300}[,;]? want(?:ed)?:? |\bwant:? .{0,300}[,;] got:? `,
    String.raw`^\s{0,16}\w{1,80}_test\.go:\d+: |^\s{0,8}\t\s{10,14}\t`,
    String.raw`\bXCTAssert\w{0,30}\b|\b(?:CHECK|REQUIRE|EXPECT|ASSERT)(?:_[A-Z]{2,20})?\(|\bTEST[_ ]CASE\b`,
    String.raw`^E {2,20}(?!\w{0,60}(?<!Assertion)(?:Error|Exception): )`,
  ].join("|"),
);

/** Names and counts of tests, tasks and mutants. */
const report = new RegExp(
  [
    String.raw`^\s{0,12}(?:[✓✔✕✗✖✘●○](?! ?\[ERROR)|\[[✓✔✕✗✖x]\]|[×√❯] (?=\S{1,200}\.(?:test|spec)\.)) ?`,
    String.raw`^(?:not )?ok \d+\b|^(?:={3}|-{3}) (?:RUN|PASS|FAIL|SKIP|CONT|PAUSE)\b`,
    String.raw`^\s{0,4}(?:PASS|FAIL|FAILED|ERROR|SKIPPED|PASSED)\s{1,4}\S{1,200}(?:::|\.(?:test|spec)\.|_test\b|test_|tests?/|Test\b)`,
    String.raw`\b\d{1,7} (?:tests? )?(?:passed|failed|failing|pending|passing|killed|survived|skipped|ignored|timed out|timeouts?|errors?|warnings?|problems?)(?:,|;| \(|\s{1,4}\|) ?\d`,
    String.raw`^> (?:Task|Configure project|Transform) :?\S|^Execution failed for task |^:\S{1,120} (?:FAILED|UP-TO-DATE|NO-SOURCE)$`,
    String.raw`^\s{0,6}\d{1,4}\) (?!\S{1,120}:\S{1,80}:)(?:\S{1,120}(?:::|Test\b|test_)|\[\w{1,20}\] › |.{1,200} \(\w{1,80}\)$|\w.{0,200}[a-z] [a-z])`,
    String.raw`^test \S{1,200} \.\.\. \w|\*{3} FAILED \*{3}| did not (?:equal|contain) |^\[ERROR\] {2,}\S{1,200}:\d{1,6} »`,
  ].join("|"),
);

/** What pytest kept of the output of the code that it tests, up to the next heading. */
const captured = /^-{3,} Captured (?:stdout|stderr|log) \w{1,10} -{3,}$/;
const heading = /^[=_-]{3,} |^(?:FAILED|ERROR|PASSED) \S|^\d+ (?:failed|passed)/;

/** Commands that show documents, and how these look; the title of a commit. */
const showsDocuments =
  /\b(?:cat|head|tail|less|more|grep|rg|sed|awk)\b[^|;&]{0,200}(?:\.(?:md|txt|rst|adoc|html?|ya?ml)\b|\bREADME|\bCHANGE(?:LOG|S)|\bdocs?\b)|\bgit (?:log|show|diff|grep)\b/;
const documentLine = /^(?:#{1,6} |[-*+>] |\d{1,3}[.)] |\||[\w./-]{1,200}[:-]\d{1,6}[:-])|^[0-9a-f]{7,12} \w/;

/** Findings of linters and type checkers. */
const finding = new RegExp(
  [
    String.raw`^\s{0,8}\d{1,6}:\d{1,5}\s{1,4}(?:error|warning|✖|info)\s`,
    String.raw`^\S{1,300}:\d{1,6}(?::\d{1,5})?:? {0,2}(?:\[?[A-Z]{1,5}\d{2,5}\b|(?:error|warning): .{1,300}\[[a-z][\w-]{1,40}\]$)`,
    String.raw`^[ew]: (?:file://)?\S{1,300}\.kts?:\d{1,6}:\d{1,5} |^\S{1,300}:\d{1,6}:\d{1,5} - Unknown word \(|^\S{1,300}\(\d{1,6},\d{1,5}\): error TS\d|^\S{1,300}:\d{1,6}:\d{1,5} - error TS\d`,
    String.raw`^\S{1,300}\.\w{1,5}:\d{1,6}:\d{1,5}: .{1,400} \((?:staticcheck|errcheck|revive|gocritic|govet|gosec|ineffassign|unused|gosimple|lll|stylecheck)\)$`,
  ].join("|"),
);
/** A compiler's own findings look alike and are what the compiler's rules are about. */
const ofCompiler = /\[-W|\berror: .{0,200}(?:'-m|"-m|architecture|mnemonic|instruction|intrin|asm)/;

/** What a program tells of its doings, by its own word no error. */
const chatter =
  /^(?:[\d:.,/TZ-]{5,30} ){0,2}(?:\(\d+\) )?(?:\[(INFO|DEBUG|TRACE|WARN|info|debug)\]|(INFO|DEBUG|TRACE|WARN)\b(?!\[|: [A-Z][A-Za-z]{4,40}: ))|\blevel=(info|debug|trace)\b/;

/** So many lines of one level are a logger's doing. */
const fewestAlike = 3;

/** Whether all lines of a log bear the same level: a logger that marks whatever it is handed says nothing by it. */
export class UniformLevel {
  #level: string | undefined;
  #count = 0;
  #differs = false;

  /** Takes a line as it was read. */
  add(raw: string): void {
    if (this.#differs || raw.trim() === "") return;
    const found = chatter.exec(raw);
    const level = found?.[1] ?? found?.[2] ?? found?.[3];
    this.#level ??= level;
    this.#count++;
    this.#differs = level === undefined || level !== this.#level;
  }

  isUniform(): boolean {
    return !this.#differs && this.#count >= fewestAlike;
  }
}

/** A line of such a log as output, without its level. */
export function withoutLevel(line: LogLine): LogLine {
  const found = line.kind === "quote" ? chatter.exec(line.text) : null;
  if (found === null || found.index > 0) return line;
  const text = line.text.slice(found[0].length).replace(/^\s{0,12}(?:[-:|]\s{1,4})?/, "");
  return text === "" ? line : { ...line, text, shown: line.shown ?? line.text, kind: "output" };
}

const diffHead =
  /^\s{0,8}(?:- Expected|\+ (?:Received|Actual)|--- \S|\+\+\+ \S|@@ -\d|\W{0,4}\[?[Dd]iff\]?:? (?:Actual|Expected)|[-+] actual [-+] expected|[Dd]iff(?:erence)?s?:?$|- (?:Snapshot|expected)|\+ (?:actual))/;

/**
 * Tells lines of output that quote something (source, an assertion's values, a linter's finding, a task's name, text
 * that the command itself holds) from what a tool says of its own fate.
 */
export class QuoteFinder {
  readonly #diffs = new WeakMap<LogStep, number>();
  readonly #captured = new WeakSet<LogStep>();
  readonly #nowhere: LogStep = {};
  #before: LogLine | undefined;

  /** The line's kind; a line of carets makes a quotation of the source line before it as well. */
  judge(line: LogLine, trace: string | undefined): LogLine {
    const previous = this.#before;
    this.#before = line;
    if (line.kind !== "output") return line;
    if (carets.test(line.text) && previous?.step === line.step && previous?.kind === "output") {
      if (!located.test(previous.text)) previous.kind = "quote";
    }
    if (this.#quotes(line, trace)) line.kind = "quote";
    return line;
  }

  #quotes({ text, shown = text, step }: LogLine, trace: string | undefined): boolean {
    const place = step ?? this.#nowhere;
    const left = this.#diffs.get(place) ?? 0;
    if (diffHead.test(text)) {
      this.#diffs.set(place, longestDiff);
      return true;
    }
    if (left > 0) {
      this.#diffs.set(place, left - 1);
      if (/^\s{0,12}[-+](?:\s|$)/.test(text)) return true;
    }
    if (captured.test(text)) this.#captured.add(place);
    else if (this.#captured.has(place)) {
      if (!heading.test(text)) return true;
      this.#captured.delete(place);
    }
    const command = step?.command ?? trace;
    if (command !== undefined && documentLine.test(text) && showsDocuments.test(command)) return true;
    if (isInCommand(shown, step?.command) || isInCommand(shown, trace)) return true;
    if (excerpt.test(text) || assertion.test(text) || report.test(text) || chatter.test(text)) return true;
    return finding.test(text) && !ofCompiler.test(text);
  }
}

/** Whether a program repeats a text that the command gave it: `echo 'needs …'`. */
function isInCommand(text: string, command: string | undefined): boolean {
  const said = text.trim();
  if (command === undefined || said.length < shortestEcho || !said.includes(" ")) return false;
  return (
    /\b(?:echo|printf|cat|print|tee|die|log|warn)\b/.test(command) &&
    command.includes(said) &&
    !command.includes(`${said} $`)
  );
}

/** Before a quotation mark these say that what follows is a message, not an example of one. */
const reporter =
  /(?:caus(?:ed|e)(?: by)?:?|msg["']?[=:]|desc ?=|err(?:or)?["']?\]?[=:]?|message["']?[=:]|stderr["']?[=:]|out(?:put)?["']?[=:]|reason["']?[=:]|daemon:|fatal:|failed:|with|because|due to|exception|status|occurred:) ?\\?$/i;

/** Whether a match lies within a sentence in quotation marks that nobody reports as a fault. */
export function isQuotedSentence(text: string, at: number, length: number): boolean {
  return opensBefore(text, at).some((open) => isExample(text, open, at + length));
}

/** Where quotation marks open that are still open at `at`; an apostrophe counts only directly before it. */
function opensBefore(text: string, at: number): readonly number[] {
  const opens = ['"', "`"].flatMap((mark) => {
    let last = -1;
    for (let next = text.indexOf(mark); next >= 0 && next < at; next = text.indexOf(mark, next + 1)) {
      if (last < 0 && mark === "`" && isName(text, next)) continue;
      last = last < 0 ? next : -1;
    }
    return last < 0 ? [] : [last];
  });
  return /["'`‘’“”]/.test(text[at - 1] ?? "") ? [...opens, at - 1] : opens;
}

/** Ruby, GNU and others close a name with an apostrophe: in `require'. */
function isName(text: string, open: number): boolean {
  return /^`[^`'\s]{1,80}'/.test(text.slice(open, open + 82));
}

function isExample(text: string, open: number, end: number): boolean {
  const mark = text[open] ?? "";
  const close = text.indexOf(mark === "“" ? "”" : mark === "‘" ? "’" : mark, open + 1);
  const inside = text.slice(open + 1, close < 0 ? undefined : close);
  if (!/^[A-Za-z]/.test(inside) || !inside.includes(" ") || open + 1 + inside.length < end) return false;
  if (/^E[A-Z]{3,12}: /.test(inside)) return false;
  return !reporter.test(text.slice(Math.max(0, open - 40), open));
}
