import { array, assert, constantFrom, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { decisiveWords, isDecisive } from "../../../src/diagnose/log/decisive-words.ts";
import { LogBytes } from "../../../src/diagnose/log/read-bytes.ts";
import { type ScanStop, WordScanner } from "../../../src/diagnose/log/word-scanner.ts";

function stopsOf(scanner: WordScanner, bytes: Buffer): ScanStop[] {
  const stops: ScanStop[] = [];
  const stop: ScanStop = { at: 0, kind: "end" };
  while (stop.at < bytes.length) {
    scanner.scan(bytes, stop.at, bytes.length, stop);
    stops.push({ ...stop });
  }
  return stops;
}

describe("WordScanner", () => {
  it("stops where a regular expression does, whatever the words and the text", () => {
    const letters = string({ unit: constantFrom("a", "b", "A", "B", " ", "\n"), maxLength: 60 });
    const words = array(string({ unit: constantFrom("a", "b"), minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    });
    assert(
      property(words, letters, (some, text) => {
        const first = new RegExp(`${some.join("|")}|\n`, "i").exec(text);
        const ends = some.flatMap((word) => {
          const at = text.toLowerCase().indexOf(word);
          return at < 0 ? [] : [at + word.length];
        });
        const [stop] = text === "" ? [] : stopsOf(new WordScanner(some), Buffer.from(text));
        const line = text.indexOf("\n");
        const expected = Math.min(...ends, line < 0 ? Infinity : line + 1);
        if (first === null) expect(stop?.kind ?? "end").toBe("end");
        else expect(stop?.at).toBe(expected);
      }),
    );
  });

  it("finds every decisive word in any case", () => {
    const scanner = new WordScanner(decisiveWords);
    for (const word of decisiveWords) {
      expect(
        stopsOf(scanner, Buffer.from(`xx ${word.toUpperCase()}`)).some(({ kind }) => kind === "word"),
      ).toBe(true);
      expect(isDecisive(`xx ${word.toUpperCase()} xx`)).toBe(true);
    }
  });
});

describe("LogBytes", () => {
  const filler =
    "#12 1.0 Get:5 http://mirror.example/debian bookworm/main amd64 libfoo amd64 1.2.3-1 [1,234 kB]\n";

  function read(text: Buffer, pieces: number): { readonly text: string; readonly number: number }[] {
    const taken: { text: string; number: number }[] = [];
    const bytes = new LogBytes((line, number) => taken.push({ text: line, number }));
    for (let at = 0; at < text.length; at += pieces) bytes.add(text.subarray(at, at + pieces));
    bytes.end();
    return taken;
  }

  it("hands over what tells something, with its neighbours and true numbers, and both ends of the log", () => {
    const many = 60_000;
    const lines = Array.from({ length: many }, () => filler);
    lines[40_000] = "#12 2.0 qemu: uncaught target signal 4 (Illegal instruction) - core dumped\n";
    lines[many - 1] = "the last line";
    const log = Buffer.from(lines.join(""));
    for (const pieces of [1 << 20, 65_536, log.length]) {
      const taken = read(log, pieces);
      const numbers = taken.map(({ number }) => number);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(numbers).toEqual(
        expect.arrayContaining([1, 2, 3, 39_995, 40_000, 40_001, 40_002, 40_007, many - 1, many]),
      );
      expect(taken.find(({ number }) => number === 40_001)?.text).toContain("uncaught target");
      expect(taken.at(-1)).toEqual({ text: "the last line", number: many });
      expect(taken.every(({ text, number }) => lines[number - 1]?.trimEnd() === text)).toBe(true);
      if (pieces < log.length) expect(taken.length).toBeLessThan(many);
    }
  });

  it("reads a line without end in pieces", () => {
    const taken = read(
      Buffer.concat([Buffer.alloc(5 << 20, "x"), Buffer.from("\nqemu: uncaught target signal 11\n")]),
      1 << 20,
    );
    expect(taken.at(-1)?.text).toBe("qemu: uncaught target signal 11");
    expect(Math.max(...taken.map(({ text }) => text.length))).toBeLessThanOrEqual(2 << 20);
  });

  it("hands over every line of a small log", () => {
    expect(read(Buffer.from("a\nb\n\nc"), 2)).toEqual([
      { text: "a", number: 1 },
      { text: "b", number: 2 },
      { text: "", number: 3 },
      { text: "c", number: 4 },
    ]);
  });
});
