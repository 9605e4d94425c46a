/** What is known of an error code: see codes.ts. */
export interface ErrorCodeInfo {
  readonly title: string;
  readonly exit: 1 | 2 | 3 | 4 | 126 | 127 | 130;
  readonly hint?: string;
}
