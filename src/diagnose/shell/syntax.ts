/** What a POSIX shell script consists of, as far as rules need it. Offsets are into the script's text. */

export type Part =
  | { readonly kind: "text"; readonly text: string; readonly quoted: boolean }
  | {
      readonly kind: "variable";
      readonly name: string;
      /** ":-", "#", "%%" …; absent for a plain `$NAME`. */
      readonly operator?: string;
      readonly word?: Word;
      readonly quoted: boolean;
    }
  | { readonly kind: "command"; readonly script: List; readonly quoted: boolean }
  | { readonly kind: "arithmetic"; readonly quoted: boolean };

export interface Word {
  readonly parts: readonly Part[];
  readonly at: number;
  /** As written. */
  readonly raw: string;
}

export interface Assignment {
  readonly name: string;
  readonly value: Word;
  readonly at: number;
}

export interface Redirect {
  /** ">", ">>", "<", "<<", "<<<" and those with a number before or an ampersand. */
  readonly operator: string;
  readonly target: Word;
  /** Of a here-document. */
  readonly body?: Word;
}

export interface SimpleCommand {
  readonly kind: "simple";
  readonly at: number;
  readonly assignments: readonly Assignment[];
  readonly words: readonly Word[];
  readonly redirects: readonly Redirect[];
}

export interface Pipeline {
  readonly kind: "pipeline";
  readonly commands: readonly Node[];
  readonly negated: boolean;
}

export interface List {
  readonly kind: "list";
  /** `operator` is what stands before the command. */
  readonly items: readonly { readonly node: Node; readonly operator: ";" | "&&" | "||" }[];
}

export interface If {
  readonly kind: "if";
  readonly at: number;
  readonly branches: readonly { readonly at: number; readonly condition: List; readonly body: List }[];
  readonly otherwise?: { readonly at: number; readonly body: List };
}

export interface Case {
  readonly kind: "case";
  readonly at: number;
  readonly subject: Word;
  readonly items: readonly { readonly at: number; readonly patterns: readonly Word[]; readonly body: List }[];
}

export interface Loop {
  readonly kind: "loop";
  readonly at: number;
  /** Of `for`. */
  readonly name?: string;
  readonly words?: readonly Word[];
  /** Of `while` and `until`. */
  readonly condition?: List;
  readonly body: List;
}

export interface Group {
  readonly kind: "group";
  readonly body: List;
  readonly subshell: boolean;
}

export interface FunctionDefinition {
  readonly kind: "function";
  readonly name: string;
  readonly body: Node;
}

export type Node = SimpleCommand | Pipeline | List | If | Case | Loop | Group | FunctionDefinition;
