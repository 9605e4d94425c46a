/**
 * A Dockerfile as BuildKit's Dockerfile frontend reads it: instructions with continuations and here-documents
 * joined, grouped into stages. Values are as written, nothing is expanded. Plain immutable values.
 */
export interface Dockerfile {
  /** "# syntax=", "# escape=" and "# check=" of the top, where given. */
  readonly directives: Readonly<Record<string, string>>;
  /** ARG instructions before the first FROM. */
  readonly globalArgs: readonly Instruction[];
  readonly stages: readonly Stage[];
}

export interface Stage {
  readonly index: number;
  /** As in `FROM … AS name`, in lower case. */
  readonly name?: string;
  /** The image or stage after FROM, as written. */
  readonly base: string;
  /** The value of --platform, as written: "$BUILDPLATFORM", "linux/amd64". */
  readonly platform?: string;
  readonly from: Instruction;
  /** After FROM. */
  readonly instructions: readonly Instruction[];
}

export interface Instruction {
  /** In upper case: "RUN". */
  readonly keyword: string;
  /** What follows keyword and flags, continuations joined, without the bodies of here-documents. */
  readonly text: string;
  /** "--mount=type=cache,target=/root" → {name: "mount", value: "type=cache,target=/root"}. */
  readonly flags: readonly { readonly name: string; readonly value?: string }[];
  readonly heredocs: readonly Heredoc[];
  /** Where in `text` each further source line begins, for naming lines; absent where all is on `line`. */
  readonly lineStarts?: readonly { readonly at: number; readonly line: number }[];
  /** 1-based; of the keyword, and of the last line with here-documents. */
  readonly line: number;
  readonly endLine: number;
}

export interface Heredoc {
  readonly name: string;
  /** With its line breaks; leading tabs removed where it is `<<-`. */
  readonly body: string;
  /** False where the name is quoted: nothing in the body is expanded. */
  readonly expand: boolean;
  /** Of the first line of the body; 1-based. */
  readonly line?: number;
}
