import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkDockerfile } from "../../../src/diagnose/check-dockerfile.ts";
import { openContext } from "../../../src/diagnose/files/context-root.ts";
import { sampleText } from "../../../src/diagnose/dockerfile/rule.ts";
import { applyEdits } from "../../../src/diagnose/files/fix.ts";
import { dockerfileRules } from "../../../src/diagnose/rules/dockerfile-rules.ts";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";
import { fuzzing } from "../fuzzing.ts";
import { mutatedDockerfile, randomFrom } from "./mutated-dockerfiles.ts";

const fuzz = fuzzing(600, 7, 0.01);
/** Small, and with files that COPY and lock files' readers find. */
const examples = openContext(resolve(import.meta.dirname, "../../../examples"));
const context = (): typeof examples => examples;

const samples = dockerfileRules.flatMap(({ bad, good }) => [...bad, ...good].map(sampleText));

/** CPU time in milliseconds: what other programs do meanwhile doesn't count. */
function cpuTime(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** The best of up to three: a collection of garbage or a compile of the engine falls into one of them only. */
function bestTime(work: () => void, limit: number): number {
  let best = Infinity;
  for (let round = 0; round < 3 && best >= limit; round++) best = Math.min(best, cpuTime(work));
  return best;
}

describe("hostile Dockerfiles", () => {
  it("neither crash nor hang when mutated", { timeout: fuzz.timeout }, () => {
    const random = randomFrom(fuzz.seed);
    let longest = 0;
    for (let round = 0; round < fuzz.inputs; round++) {
      const text = mutatedDockerfile(samples, random);
      longest = Math.max(
        longest,
        bestTime(() => checkDockerfile("Dockerfile", text, { context }), 500),
      );
    }
    expect(longest).toBeLessThan(500);
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
    ["Ubuntu's sources", 'echo "deb [ https://a.archive.mirror.example/ubuntu main universe '],
    ["arguments of xargs", "echo 'a-amd64 b' | xargs -I{} apt-get install -y {} gcc-multilib && "],
    ["release assets", "grep browser_download_url | grep -o 'a.linux_amd64.*' | jq '.x-amd64' | "],
    ["JVM paths", "/usr/lib/jvm/java-openjdk-amd64/jre/lib/"],
    ["triples", "=/usr/lib/amd64-linux-gnu/lib/arm64-linux-gnu -L/lib/"],
    ["versions of Chrome", "npm install puppeteer google-chrome-stable=153.0.1 chrome@15.1.1"],
    [
      "if chains",
      'if [ "$TARGETARCH" = a64 ]; then A=b; elif [ "$TARGETARCH" = x64 ]; then A=c; fi; curl $A; ',
    ],
    ["spaces", "  \t"],
    ["sh -c", "sh -c 'sh -c \"a "],
    ["eval", "eval eval "],
    ["substitutions in substitutions", "$(a $(b `c "],
    ["options", "-DA=x86_64 --target=amd64 "],
    ["variables", "$TARGETARCH${BUILDARCH:-x} "],
    ["archives", "curl https://a/b-$(uname -m).tgz | tar xz -C /opt c && cp /opt/c /d; "],
    ["copies", "cp /a/b-amd64 /c/ && mv /c/b-amd64 /d/*; "],
    ["repositories", "printf 'baseurl=https://a/x86_64/\\n'; "],
    ["triplets", "vcpkg install a:x64-linux --triplet x64-linux; "],
  ])("take time in proportion to their length: %s", (_name, piece) => {
    const timeOf = (size: number, limit: number): number => {
      const text = `FROM debian:12\nRUN ${piece.repeat(Math.ceil(size / piece.length))}\n`;
      return bestTime(() => checkDockerfile("Dockerfile", text), limit);
    };
    // Eight times the size would take 64 times as long if the time went with the square.
    const small = Math.max(20, timeOf(2_500, 0));
    expect(timeOf(20_000, small * 16)).toBeLessThan(small * 32);
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
    ["mounts", "RUN --mount=type=bind,from=x,source=/a-amd64,target=/b cp /b/c /d\n"],
    ["ONBUILD", "ONBUILD RUN curl https://a/b-amd64\n"],
    ["helper stages", "FROM b AS b\nCOPY --from=b /bin/a /bin/a\nRUN a\n"],
    ["build stages", "FROM --platform=$BUILDPLATFORM b AS b\nCOPY --from=x /bin/a /bin/a\nRUN a\n"],
  ])("take bounded time for very many lines: %s", (_name, piece) => {
    const text = `FROM debian:12 AS x\nRUN a\n${piece.repeat(Math.ceil(20_000 / piece.length))}`;
    expect(bestTime(() => checkDockerfile("Dockerfile", text), 2000)).toBeLessThan(2000);
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
