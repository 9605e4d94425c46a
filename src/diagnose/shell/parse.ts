import { CompoundParser } from "./compound-parser.ts";
import type { Assignment, List, Node, Redirect, SimpleCommand, Word } from "./syntax.ts";
import { deepest, type PendingBody, WordParser } from "./word-parser.ts";

const emptyList: List = { kind: "list", items: [] };
const closers = new Set(["then", "do", "done", "fi", "else", "elif", "esac", "}"]);

/**
 * Parses a shell script. Never throws and reads every character once (backticks: once per depth): what can't be
 * understood is skipped, so that rules see as much as there is.
 */
export function parseShell(text: string): List {
  return new ShellParser(text, 0).script();
}

class ShellParser extends CompoundParser {
  readonly #pending: PendingBody[] = [];

  constructor(text: string, depth: number) {
    super(text);
    this.depth = depth;
  }

  script(): List {
    const items: List["items"][number][] = [];
    while (this.at < this.text.length) {
      items.push(...this.list().items);
      if (this.at >= this.text.length) break;
      // A stray closer: step over it and go on.
      const before = this.at;
      this.bareWord();
      if (this.at === before) this.at++;
    }
    return { kind: "list", items };
  }

  protected substitution(): List {
    if (++this.depth > deepest) {
      this.at = this.text.length;
      this.depth--;
      return emptyList;
    }
    const list = this.list();
    this.depth--;
    this.lines();
    if (this.peek() === ")") this.at++;
    return list;
  }

  protected inner(text: string): List {
    return this.depth >= deepest ? emptyList : new ShellParser(text, this.depth + 1).script();
  }

  /** Blanks, comments and line breaks; reads the bodies of here-documents. */
  protected override lines(): void {
    for (;;) {
      this.blanks();
      if (this.peek() === "#") {
        while (this.at < this.text.length && this.peek() !== "\n") this.at++;
      } else if (this.peek() === "\n") {
        this.at++;
        this.bodies();
      } else return;
    }
  }

  private bodies(): void {
    for (const pending of this.#pending.splice(0)) {
      const start = this.at;
      let end = start;
      for (;;) {
        const stop = this.text.indexOf("\n", end);
        const line = this.text.slice(end, stop < 0 ? this.text.length : stop).replace(/\r$/, "");
        if (
          line.replace(pending.chomp ? /^\t+/ : /^/, "") === pending.delimiter ||
          (stop < 0 && line === "")
        ) {
          this.at = stop < 0 ? this.text.length : stop + 1;
          break;
        }
        end = stop < 0 ? this.text.length : stop + 1;
        if (stop < 0) {
          this.at = end;
          break;
        }
      }
      const raw = this.text.slice(start, end);
      pending.redirect.body = WordParser.body(
        new ShellParser(raw, this.depth + 1),
        start,
        raw,
        pending.literal,
      );
    }
  }

  /** The next bare word without consuming it. */
  protected override keyword(): string {
    return /^[A-Za-z_{}!][\w-]*|^\[\[/.exec(this.text.slice(this.at, this.at + 12))?.[0] ?? "";
  }

  protected override bareWord(): string {
    this.blanks();
    const word = this.keyword();
    this.at += word.length;
    return word;
  }

  /** Commands up to something that closes them, which is left. */
  protected override list(): List {
    const items: { node: Node; operator: ";" | "&&" | "||" }[] = [];
    let operator: ";" | "&&" | "||" = ";";
    for (;;) {
      this.lines();
      if (this.at >= this.text.length || this.peek() === ")") break;
      if (this.peek() === ";" && this.peek(1) === ";") break;
      if (this.peek() === ";") {
        this.at++;
        continue;
      }
      if (this.closes()) break;
      const before = this.at;
      const node = this.pipeline();
      if (node !== undefined) items.push({ node, operator });
      this.blanks();
      operator = ";";
      const two = this.text.slice(this.at, this.at + 2);
      if (two === "&&" || two === "||") {
        operator = two;
        this.at += 2;
      } else if (two === ";;") break;
      else if (this.peek() === ";" || this.peek() === "&") this.at++;
      if (this.at === before) this.at++;
    }
    return { kind: "list", items };
  }

  private closes(): boolean {
    const word = this.keyword();
    return closers.has(word) && /^[\s;&|)<>]|^$/.test(this.peek(word.length));
  }

  private pipeline(): Node | undefined {
    const commands: Node[] = [];
    let negated = false;
    while (this.peek() === "!" && /\s/.test(this.peek(1))) {
      negated = !negated;
      this.at++;
      this.lines();
    }
    for (;;) {
      const command = this.command();
      if (command !== undefined) commands.push(command);
      this.blanks();
      if (this.peek() !== "|" || this.peek(1) === "|") break;
      this.at += this.peek(1) === "&" ? 2 : 1;
      this.lines();
    }
    if (commands.length === 0) return undefined;
    return commands.length === 1 && !negated ? commands[0] : { kind: "pipeline", commands, negated };
  }

  protected override command(): Node | undefined {
    if (++this.depth > deepest) {
      this.at = this.text.length;
      this.depth--;
      return undefined;
    }
    const node = this.compound() ?? this.simple();
    this.depth--;
    return node;
  }

  private simple(): SimpleCommand | undefined {
    const at = this.at;
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      this.blanks();
      const redirect = this.redirect();
      if (redirect !== undefined) {
        redirects.push(redirect);
        continue;
      }
      if (this.peek() === "#") {
        while (this.at < this.text.length && this.peek() !== "\n") this.at++;
        break;
      }
      const assignment = words.length === 0 ? this.assignment() : undefined;
      if (assignment !== undefined) {
        assignments.push(assignment);
        continue;
      }
      if (words[0]?.raw === "[[" && words.at(-1)?.raw !== "]]" && this.operatorInTest(words)) continue;
      const word = this.word();
      if (word.raw === "") break;
      words.push(word);
    }
    if (words.length === 0 && assignments.length === 0 && redirects.length === 0) return undefined;
    return { kind: "simple", at, assignments, words, redirects };
  }

  /** `&&`, `||`, `<` and `(` within `[[ … ]]` are words. */
  private operatorInTest(words: Word[]): boolean {
    const match = /^(?:&&|\|\||[<>()])/.exec(this.text.slice(this.at, this.at + 2))?.[0];
    if (match === undefined) return false;
    words.push({ parts: [{ kind: "text", text: match, quoted: false }], at: this.at, raw: match });
    this.at += match.length;
    return true;
  }

  private assignment(): Assignment | undefined {
    const match = /^([A-Za-z_]\w{0,80})(?:\[[^\]\s]{0,40}\])?\+?=/.exec(
      this.text.slice(this.at, this.at + 130),
    );
    if (match === null) return undefined;
    const at = this.at;
    this.at += match[0].length;
    if (this.peek() === "(") {
      while (this.at < this.text.length && this.text[this.at++] !== ")");
      return {
        name: match[1] ?? "",
        value: { parts: [{ kind: "arithmetic", quoted: false }], at, raw: "" },
        at,
      };
    }
    return { name: match[1] ?? "", value: this.word(), at };
  }

  protected override redirect(): Redirect | undefined {
    const match = /^(?:\d{1,2}|&)?(?:<<<|<<-?|<>|<&|>&|>>|>\||<|>)/.exec(
      this.text.slice(this.at, this.at + 5),
    );
    if (match === null) return undefined;
    const operator = match[0];
    if (/^[<>]$/.test(operator) && this.peek(1) === "(") {
      // Process substitution: what it runs is read as a command of its own would be.
      this.at += 2;
      const script = this.substitution();
      const target: Word = { parts: [{ kind: "command", script, quoted: true }], at: this.at, raw: "" };
      return { operator, target };
    }
    this.at += operator.length;
    this.blanks();
    const target = this.word();
    const redirect: PendingBody["redirect"] = { operator, target };
    if (/<<-?$/.test(operator) && !operator.endsWith("<<<")) {
      this.#pending.push({
        redirect,
        delimiter: target.raw.replaceAll(/['"\\]/g, ""),
        literal: /['"\\]/.test(target.raw),
        chomp: operator.endsWith("-"),
      });
    }
    return redirect;
  }
}
