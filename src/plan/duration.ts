import { AnyarchError } from "../errors/error.ts";

const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** "1m30s", "500ms", "2h" in nanoseconds, as image configs count. Throws USAGE. */
export function parseDuration(text: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text.trim()) {
    throw new AnyarchError("USAGE", `"${text}" is not a duration.`, { hint: "Write 30s, 1m30s or 500ms." });
  }
  return parts.reduce(
    (sum, [, count, unit]) => sum + Math.round(Number(count) * (units[unit ?? ""] ?? 0)),
    0,
  );
}
