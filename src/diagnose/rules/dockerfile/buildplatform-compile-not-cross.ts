import { compileOf } from "../../dockerfile/compiles.ts";
import { declaredArguments } from "../../../dockerfile/arguments.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { copiesOf, endsInShippedImage, reachesShippedImage } from "../../dockerfile/shipped.ts";
import { lineOfWord, type Use, usesOf, variable } from "../../dockerfile/uses.ts";
import { option } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "buildplatform-compile-not-cross",
  severity: "error",
  title: "A compile on the build platform names no target",
  why: "The compiler makes programs for the machine that it runs on; they are copied into the image of another.",
  fix: "Set GOOS and GOARCH from TARGETOS and TARGETARCH, use `cargo --target` with a cross linker, xx or zigbuild; otherwise drop --platform from that stage.",
  bad: [
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nRUN go build -o /app .\nFROM debian:12\nCOPY --from=build /app /app\n",
    "FROM --platform=$BUILDPLATFORM rust:1.79 AS build\nRUN cargo build --release\nFROM debian:12\nCOPY --from=build /target/release/app /app\n",
    "FROM --platform=$BUILDPLATFORM gcc:13 AS build\nRUN gcc -o /app main.c\nFROM debian:12\nCOPY --from=build /app /app\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETOS TARGETARCH\nRUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .\nFROM debian:12\nCOPY --from=build /app /app\n",
    "FROM golang:1.22 AS build\nRUN go build -o /app .\nFROM debian:12\nCOPY --from=build /app /app\n",
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nRUN go build -o /gen ./tools/gen && /gen > /data.json\nFROM debian:12\nCOPY --from=build /data.json /data.json\n",
    "FROM --platform=$BUILDPLATFORM golang:1.25 AS build\nRUN go install ./cmd/embedder && embedder -o pages.bin\nFROM nginx\nCOPY --from=build /src/pages.bin /srv/\n",
    "FROM --platform=$BUILDPLATFORM emscripten/emsdk:4.0.1 AS wasm\nRUN emcmake cmake -B build && cmake --build build\nFROM nginx\nCOPY --from=wasm /src/build/viewer.wasm /srv/\n",
  ],
  mentions: /BUILD(?:ARCH|PLATFORM|OS)/,
  check(model, report) {
    for (const use of usesOf(model)) {
      const { facts } = use;
      if (facts.follows !== "build" || !reachesShippedImage(model, facts.index)) continue;
      const compile = compileOf(use) ?? dotnetOf(use);
      if (compile === undefined || compile.cross || isTold(use, compile.tool)) continue;
      const shipped =
        compile.output === undefined ||
        copiesOf(model, facts.index, compile.output).some(
          ({ to }) => endsInShippedImage(model, to) || reachesShippedImage(model, to),
        );
      if (!shipped) continue;
      report({
        line: lineOfWord(use, new RegExp(`\\b${compile.tool.replaceAll(/\W/g, ".")}`)),
        message: `${compile.tool} compiles for the build machine here, and the result is shipped.`,
      });
    }
  },
};

/** Scripts and make files see ARGs as variables: where TARGETARCH is declared they may well use it. */
function isTold({ facts, instruction, model }: Use, tool: string): boolean {
  // xx wraps go, clang and cargo so that they compile for the target.
  if (/\bxx-(?:go|cargo|clang|cc)\b/.test(model.script(instruction)?.text ?? "")) return true;
  if (/^(?:go|cargo|gcc|g\+\+|cc|clang|rustc|dotnet)$/.test(tool)) return false;
  const inherited = facts.parents.flatMap((parent) => model.stages[parent]?.stage.instructions ?? []);
  const before = [...inherited, ...facts.stage.instructions].filter(
    ({ line, keyword }) => keyword === "ARG" && line < instruction.line,
  );
  const declared = before.flatMap((each) => declaredArguments(each).map(({ name }) => name));
  return (
    declared.some((name) => name.startsWith("TARGET")) ||
    /TARGET(?:ARCH|PLATFORM)/.test(model.script(instruction)?.text ?? "")
  );
}

/** Self-contained and ahead-of-time programs without an architecture are the SDK's own. */
function dotnetOf(use: Use): { tool: string; cross: boolean; output?: string } | undefined {
  if (use.program !== "dotnet" || use.args[0] !== "publish") return undefined;
  const words = use.args.join(" ");
  const native =
    /--self-contained(?! false)|\s--sc\b|PublishAot=true|PublishSingleFile=true|PublishReadyToRun=true|SelfContained=true/i.test(
      words,
    );
  if (!native) return undefined;
  const told = option(use.args, "-a", "--arch", "-r", "--runtime") ?? variable(use, "RuntimeIdentifier");
  return { tool: "dotnet", cross: told !== undefined || /RuntimeIdentifier/.test(words) };
}
