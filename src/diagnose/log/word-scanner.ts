/** Where a scan stopped, and why. */
export interface ScanStop {
  /** Index after the byte that was read last. */
  at: number;
  /** "line" after a line break, "word" after one of the words, "end" at the end of the bytes. */
  kind: "line" | "word" | "end";
}

/**
 * Looks for many words in bytes at once, whatever their case, and for line breaks: one table look-up a byte
 * (Aho-Corasick as a complete automaton), so the time doesn't depend on the words or on what is in the log. ASCII words.
 */
export class WordScanner {
  readonly #next: Uint16Array;
  /** States from here on stop the scan; the first of them is the line break. */
  readonly #stops: number;

  constructor(words: readonly string[]) {
    const automaton = build(words.map((word) => word.toLowerCase()));
    this.#next = automaton.next;
    this.#stops = automaton.stops;
  }

  /** Reads on from `start`, where a line begins or a word was found just before. */
  scan(bytes: Uint8Array, start: number, end: number, stop: ScanStop): void {
    const next = this.#next;
    const stops = this.#stops;
    let state = 0;
    for (let at = start; at < end; at++) {
      state = next[(state << 8) | (bytes[at] as number)] as number;
      if (state >= stops) {
        stop.at = at + 1;
        stop.kind = state === stops ? "line" : "word";
        return;
      }
    }
    stop.at = end;
    stop.kind = "end";
  }
}

const lineBreak = 0x0a;

/** A trie whose missing edges lead where its failure links would; word ends and the line break get the highest numbers. */
function build(words: readonly string[]): { readonly next: Uint16Array; readonly stops: number } {
  const edges: Map<number, number>[] = [new Map()];
  const ends = new Set<number>();
  for (const word of words) {
    let node = 0;
    for (const letter of Buffer.from(word)) {
      let target = edges[node]?.get(letter);
      if (target === undefined) {
        target = edges.push(new Map()) - 1;
        edges[node]?.set(letter, target);
      }
      node = target;
    }
    ends.add(node);
  }
  const { order, complete } = completeEdges(edges, ends);
  const going = order.filter((node) => !ends.has(node));
  const stopping = order.filter((node) => ends.has(node));
  const number = new Map([...going, -1, ...stopping].map((node, index) => [node, index]));
  const next = new Uint16Array(number.size << 8);
  const stops = going.length;
  for (const [node, row] of complete) {
    const from = (number.get(node) ?? 0) << 8;
    for (let byte = 0; byte < 256; byte++) {
      const folded = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
      next[from | byte] = byte === lineBreak ? stops : (number.get(row[folded] ?? 0) ?? 0);
    }
  }
  return { next, stops };
}

/** Every node's target for every byte, breadth first; words that end inside others count as ends. */
function completeEdges(
  edges: readonly ReadonlyMap<number, number>[],
  ends: Set<number>,
): { readonly order: readonly number[]; readonly complete: ReadonlyMap<number, Uint16Array> } {
  const complete = new Map<number, Uint16Array>([[0, new Uint16Array(256)]]);
  const order = [0];
  const failures = new Map<number, number>();
  for (let at = 0; at < order.length; at++) {
    const node = order[at] ?? 0;
    const fallback = complete.get(failures.get(node) ?? 0);
    const row = node === 0 || fallback === undefined ? new Uint16Array(256) : Uint16Array.from(fallback);
    for (const [letter, target] of edges[node] ?? []) {
      const failure = node === 0 ? 0 : (fallback?.[letter] ?? 0);
      failures.set(target, failure);
      if (ends.has(failure)) ends.add(target);
      row[letter] = target;
      order.push(target);
    }
    complete.set(node, row);
  }
  return { order, complete };
}
