/** The form in which project names are compared: lower case, runs of "-", "_" and "." as one "-" (PEP 503). */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** A valid project name as in PEP 508. */
export const namePattern = /^[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?$/i;
