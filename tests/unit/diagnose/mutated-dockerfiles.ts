/** Dockerfiles with something changed, cut, doubled or mixed, from a seed. */
export function mutatedDockerfile(samples: readonly string[], random: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let text = pick(samples);
  const changes = 1 + Math.floor(random() * 6);
  for (let change = 0; change < changes; change++) {
    const at = Math.floor(random() * (text.length + 1));
    const other = pick(samples);
    switch (Math.floor(random() * 6)) {
      case 0:
        text = text.slice(0, at) + pick(pieces) + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + 1 + Math.floor(random() * 20));
        break;
      case 2: {
        const lines = text.split("\n");
        lines.splice(Math.floor(random() * lines.length), 1, pick(other.split("\n")));
        text = lines.join("\n");
        break;
      }
      case 3:
        text = text.slice(0, at) + text.slice(at, at + 40).repeat(3) + text.slice(at);
        break;
      case 4:
        text = text.slice(0, at) + other.slice(Math.floor(random() * other.length));
        break;
      default:
        text = text.slice(0, at);
    }
  }
  return text.slice(0, 20_000);
}

/** A generator of numbers from 0 to 1 (mulberry32), the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

const pieces = [
  "$(",
  ")",
  "${",
  "}",
  "`",
  '"',
  "'",
  "\\",
  "\\\n",
  "<<EOF",
  "EOF\n",
  "case $X in",
  "esac",
  "if ",
  "; then ",
  "fi",
  "for a in b c; do ",
  "done",
  "&&",
  "||",
  "|",
  "[[",
  "]]",
  "{ ",
  "; }",
  "((",
  "#",
  "\n",
  "\r\n",
  "\t",
  "FROM ",
  "RUN ",
  "COPY --from=",
  "ARG TARGETARCH",
  "$TARGETARCH",
  "linux-amd64",
  "https://x/y-amd64",
  "sh -c '",
  "\0",
  "\ufffc",
  "é",
  "*",
  "?",
  "f() {",
  "eval ",
  "%%",
  "##",
  "//",
];
