import type { List, SimpleCommand } from "./syntax.ts";
import type { Variables } from "./variables.ts";

/** A choice that was made on the way to a command. */
export interface Branch {
  readonly kind: "case" | "if";
  /** Offset of the whole construct and of the branch taken. */
  readonly at: number;
  readonly branchAt: number;
  /** True for `*)` and `else`: nothing before it fitted. */
  readonly fallback: boolean;
  /** Literals that the branch was chosen by: the patterns, or the words compared. */
  readonly literals: readonly string[];
}

/** One command as it would be run. */
export interface Executed {
  readonly command: SimpleCommand;
  /** Words expanded; wrappers such as sudo and env are still there. */
  readonly argv: readonly string[];
  /** Variables as the command sees them, its own assignments included. */
  readonly variables: Variables;
  /** True where it depends on what isn't known. */
  readonly maybe: boolean;
  readonly branches: readonly Branch[];
  /** Text of here-documents and here-strings, or what is piped in. */
  readonly input: string;
  /** Files that output is redirected to. */
  readonly outputs: readonly string[];
  /** Within `$( … )` or a condition: its success isn't the script's. */
  readonly inner: boolean;
  /** Another command or `true` stands after `||`: its failure is taken. */
  readonly tolerated: boolean;
  /** It only hands a script on (`sh -c '…'`), which is followed. */
  readonly wrapper: boolean;
  /** Offset in the outermost script. */
  readonly at: number;
}

/** The script ends early, with failure. */
export interface Stop {
  readonly at: number;
  readonly branches: readonly Branch[];
}

/** A `case`, or an `if` without `else`, of which no branch fitted. */
export interface Unmatched {
  readonly kind: "case" | "if";
  readonly at: number;
  /** What `case` looks at. */
  readonly subject: string;
  readonly branches: readonly { readonly literals: readonly string[]; readonly body: List }[];
  /** As they are there. */
  readonly variables: Variables;
}

export interface Trace {
  readonly commands: readonly Executed[];
  readonly stop?: Stop;
  /** The first `exit` within a substitution, which leaves what it is the value of empty. */
  readonly innerStop?: Stop;
  readonly unmatched: readonly Unmatched[];
  readonly variables: Variables;
}
