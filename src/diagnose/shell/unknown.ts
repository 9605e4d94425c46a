/** Stands in a value for what can't be known without running the script. */
export const unknown = "\ufffc";

export function isKnown(value: string): boolean {
  return !value.includes(unknown);
}
