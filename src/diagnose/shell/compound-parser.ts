import type { Case, If, List, Loop, Node, Redirect, Word } from "./syntax.ts";
import { WordParser } from "./word-parser.ts";

const emptyList: List = { kind: "list", items: [] };

/** The part of the parser that knows if, case, for, while, groups and functions. */
export abstract class CompoundParser extends WordParser {
  /** Steps over blanks, comments and line breaks. */
  protected abstract lines(): void;
  /** The next bare word without consuming it. */
  protected abstract keyword(): string;
  protected abstract bareWord(): string;
  /** Commands up to something that closes them, which is left. */
  protected abstract list(): List;
  protected abstract command(): Node | undefined;
  protected abstract redirect(): Redirect | undefined;

  protected compound(): Node | undefined {
    const at = this.at;
    if (this.peek() === "(") {
      this.at++;
      const body = this.list();
      if (this.peek() === ")") this.at++;
      this.trailing();
      return { kind: "group", body, subshell: true };
    }
    const word = this.keyword();
    if (!/^[\s;&|(<>]|^$/.test(this.peek(word.length)) && word !== "{") return undefined;
    switch (word) {
      case "if":
        return this.ifNode(at);
      case "case":
        return this.caseNode(at);
      case "for":
      case "select":
        return this.forNode(at);
      case "while":
      case "until":
        return this.whileNode(at, word);
      case "{": {
        if (!/\s/.test(this.peek(1))) return undefined;
        this.at++;
        const body = this.list();
        this.close("}");
        return { kind: "group", body, subshell: false };
      }
      case "function":
        this.at += word.length;
        this.blanks();
        return this.functionNode();
      default:
        return /^[\w-]+\s*\(\s*\)/.test(this.text.slice(at, at + 60)) ? this.functionNode() : undefined;
    }
  }

  /** Steps over the closing word and what is redirected after it. */
  protected close(word: string): void {
    this.lines();
    if (this.text.startsWith(word, this.at)) this.at += word.length;
    this.trailing();
  }

  protected trailing(): void {
    for (;;) {
      this.blanks();
      if (this.redirect() === undefined) return;
    }
  }

  private functionNode(): Node | undefined {
    const name = this.word().raw;
    this.blanks();
    if (this.peek() === "(") {
      this.at++;
      this.blanks();
      if (this.peek() === ")") this.at++;
    }
    this.lines();
    const body = this.command();
    return body === undefined ? undefined : { kind: "function", name, body };
  }

  private ifNode(at: number): If {
    const branches: If["branches"][number][] = [];
    let otherwise: If["otherwise"];
    let start = at;
    this.at += 2;
    for (;;) {
      const condition = this.list();
      if (this.keyword() === "then") this.at += 4;
      branches.push({ at: start, condition, body: this.list() });
      start = this.at;
      if (this.keyword() !== "elif") break;
      this.at += 4;
    }
    if (this.keyword() === "else") {
      this.at += 4;
      otherwise = { at: start, body: this.list() };
    }
    this.close("fi");
    return { kind: "if", at, branches, ...(otherwise && { otherwise }) };
  }

  private caseNode(at: number): Case {
    this.at += 4;
    this.lines();
    const subject = this.word();
    this.lines();
    if (this.keyword() === "in") this.at += 2;
    const items: Case["items"][number][] = [];
    for (;;) {
      this.lines();
      if (this.at >= this.text.length || this.keyword() === "esac") break;
      const start = this.at;
      if (this.peek() === "(") this.at++;
      const patterns: Word[] = [];
      for (;;) {
        this.blanks();
        const pattern = this.word();
        if (pattern.raw !== "") patterns.push(pattern);
        this.blanks();
        if (this.peek() !== "|") break;
        this.at++;
      }
      if (this.peek() === ")") this.at++;
      const body = this.list();
      items.push({ at: start, patterns, body });
      if (this.text.startsWith(";;", this.at)) this.at += this.peek(2) === "&" ? 3 : 2;
      if (this.at === start) this.at++;
    }
    this.close("esac");
    return { kind: "case", at, subject, items };
  }

  private forNode(at: number): Loop {
    this.bareWord();
    const name = this.bareWord();
    this.lines();
    const words: Word[] = [];
    if (this.keyword() === "in") {
      this.at += 2;
      for (;;) {
        this.blanks();
        const word = this.word();
        if (word.raw === "") break;
        words.push(word);
      }
    }
    this.blanks();
    if (this.peek() === ";") this.at++;
    return { kind: "loop", at, name, words, body: this.doBody() };
  }

  private whileNode(at: number, word: string): Loop {
    this.at += word.length;
    const condition = this.list();
    return { kind: "loop", at, condition, body: this.doBody() };
  }

  private doBody(): List {
    this.lines();
    if (this.keyword() !== "do") return emptyList;
    this.at += 2;
    const body = this.list();
    this.close("done");
    return body;
  }
}
