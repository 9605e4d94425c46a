import { describe, expect, it } from "vitest";
import { checkDockerfile } from "../../../src/diagnose/check-dockerfile.ts";
import { applyEdits } from "../../../src/diagnose/files/fix.ts";
import { dockerfileRules } from "../../../src/diagnose/rules/dockerfile-rules.ts";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";
import { mutatedDockerfile, randomFrom } from "./mutated-dockerfiles.ts";

const samples = dockerfileRules.flatMap(({ bad, good }) => [...bad, ...good]);

function milliseconds(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

describe("hostile Dockerfiles", () => {
  it("neither crash nor hang when mutated", () => {
    const random = randomFrom(7);
    let longest = 0;
    for (let round = 0; round < 600; round++) {
      const text = mutatedDockerfile(samples, random);
      longest = Math.max(
        longest,
        milliseconds(() => checkDockerfile("Dockerfile", text)),
      );
    }
    expect(longest).toBeLessThan(5000);
  });

  it.each<[string, string]>([
    ["$(", "$("],
    ["${A:-", "${A:-"],
    ["backticks", "`a\\`"],
    ["quotes", "\"'"],
    ["if", "if a; then "],
    ["case", "case $A in a) "],
    ["groups", "{ ( "],
    ["loops", "for a in b c d; do "],
    ["while", "while a; do "],
    ["functions", "f() { f; f; }; f; "],
    ["assignments", "A=1 B=$A; "],
    ["pipes", "a | b && "],
    ["tests", "[ $A = b ] || "],
    ["architectures", "linux-amd64-x86_64-"],
    ["addresses", "curl https://a/b-amd64.tar.gz -o /x/y-$A; "],
    ["hashes", "0123456789abcdef"],
    ["slashes", "/a-/lib/x86_64-linux-gnu"],
    ["deb lines", 'echo "deb [arch=amd64 '],
    ["spaces", "  \t"],
    ["sh -c", "sh -c 'sh -c \"a "],
    ["eval", "eval eval "],
    ["substitutions in substitutions", "$(a $(b `c "],
    ["options", "-DA=x86_64 --target=amd64 "],
    ["variables", "$TARGETARCH${BUILDARCH:-x} "],
  ])("take time in proportion to their length: %s", (_name, piece) => {
    const timeOf = (size: number): number => {
      const text = `FROM debian:12\nRUN ${piece.repeat(Math.ceil(size / piece.length))}\n`;
      return milliseconds(() => checkDockerfile("Dockerfile", text));
    };
    timeOf(2_000);
    expect(timeOf(60_000)).toBeLessThan(12_000);
  });

  it.each<[string, string]>([
    ["instructions", "RUN a\n"],
    ["stages", "FROM a AS b\n"],
    ["ENV", "ENV A=$A$A$A\n"],
    ["ARG", "ARG TARGETARCH=$TARGETARCH\n"],
    ["COPY", "COPY --from=0 /a-amd64 /b\n"],
    ["comments", "RUN a \\\n# check=skip=x\n"],
    ["continuations", "a \\\n"],
    ["here-documents", "RUN <<EOF\ncurl https://a/b-amd64\nEOF\n"],
    ["directives", "# check=skip=a\n"],
    ["downloads", "RUN curl https://a/b-$(uname -m)-amd64\n"],
  ])("take bounded time for very many lines: %s", (_name, piece) => {
    const text = `FROM debian:12 AS x\nRUN a\n${piece.repeat(Math.ceil(20_000 / piece.length))}`;
    expect(milliseconds(() => checkDockerfile("Dockerfile", text))).toBeLessThan(15_000);
  });

  it("002-06 --fix leaves every sample valid", () => {
    for (const text of samples) {
      const { edits } = checkDockerfile("Dockerfile", text);
      const after = applyEdits(
        text,
        edits.filter((each) => each !== undefined),
      );
      expect(() => parseDockerfile(after)).not.toThrow();
      // What was done once has nothing left to do.
      const again = checkDockerfile("Dockerfile", after).edits.filter((each) => each !== undefined);
      expect(applyEdits(after, again)).toBe(after);
    }
  });
});
