import { logRules } from "../../../src/diagnose/log-rules.ts";
import { seededNumbers } from "../seeded-numbers.ts";

const strange = [
  "\u0000",
  "\r",
  "\u001b[31m",
  "\u{1F600}",
  "\\",
  '"',
  "[",
  "(",
  "{",
  "é",
  "\t",
  "\ufffd",
  "#12 ",
  "=> ",
  "'",
];

/** Logs of up to 200 lines: the rules' samples with letters, words and lines swapped, doubled, cut and made strange. */
export function* mutatedLines(seed: number, count: number): Generator<readonly string[]> {
  const next = seededNumbers(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const pool = logRules.flatMap(({ bad, good }) => [...bad, ...good]).flatMap((sample) => sample.split("\n"));
  const pick = (): string => pool[below(pool.length)] ?? "";
  const mutate = (line: string): string => {
    const at = below(line.length + 1);
    switch (below(8)) {
      case 0:
        return line.slice(0, at);
      case 1:
        return line.slice(0, at) + (strange[below(strange.length)] ?? "") + line.slice(at);
      case 2:
        return line.slice(0, at) + pick() + line.slice(at);
      case 3:
        return line.slice(0, at) + line.slice(at, at + 8).repeat(below(60)) + line.slice(at);
      case 4:
        return line.slice(0, at) + line.slice(at + below(6));
      case 5:
        return line.toUpperCase();
      case 6:
        return line.replaceAll(" ", "  ");
      default:
        return line;
    }
  };
  for (let made = 0; made < count;) {
    const lines = Array.from({ length: 1 + below(200) }, () => {
      let line = pick();
      for (let times = below(4); times > 0; times--) line = mutate(line);
      return line;
    });
    made += lines.length;
    yield lines;
  }
}
