import { posix } from "node:path";
import { archNames } from "../../dockerfile/arch-names.ts";
import { archsOfUrl, baseName } from "../../dockerfile/downloads.ts";
import { downloadsByCommand, FileTracker } from "../../dockerfile/file-flow.ts";
import type { CopyEdge, DockerfileModel, ScenarioView } from "../../dockerfile/model.ts";
import type { DockerfileRule, Remark } from "../../dockerfile/rule.ts";
import { option, type Place, type Use, usesOf, variable } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "target-binary-run-on-buildplatform",
  severity: "error",
  title: "A program of the target is started in a stage of the build platform",
  why: "It is for another CPU than the machine that builds: exec format error, or emulation by luck.",
  fix: "Start it in a target stage, or fetch a second copy for BUILDARCH as the build tool.",
  bad: [
    "FROM --platform=$BUILDPLATFORM rust:1.79 AS build\nARG TARGETARCH\nRUN case $TARGETARCH in arm64) T=aarch64-unknown-linux-musl ;; *) T=x86_64-unknown-linux-musl ;; esac && cargo build --release --target $T && cp target/$T/release/app /app && /app --version\nFROM scratch\nCOPY --from=build /app /app\n",
    "FROM alpine:3.20 AS tools\nRUN apk add jq\nFROM --platform=$BUILDPLATFORM alpine:3.20 AS build\nCOPY --from=tools /usr/bin/jq /usr/bin/jq\nRUN jq -r .version a.json > /version\nFROM alpine:3.20\nCOPY --from=build /version /version\n",
    "FROM --platform=$BUILDPLATFORM debian:12 AS get\nARG TARGETARCH\nRUN curl -fsSL https://dl.example.com/tool-${TARGETARCH} -o /usr/local/bin/tool && chmod +x /usr/local/bin/tool && tool --version\nFROM debian:12\nCOPY --from=get /usr/local/bin/tool /usr/local/bin/tool\n",
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /out/app . && /out/app --selftest\nFROM debian:12\nCOPY --from=build /out/app /app\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM debian:12 AS get\nARG BUILDARCH TARGETARCH\nRUN curl -fsSL https://dl.example.com/gen-${BUILDARCH}.tgz | tar xz -C /usr/local/bin gen && gen > /data\nFROM debian:12\nCOPY --from=get /data /data\n",
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /out/app .\nFROM debian:12\nCOPY --from=build /out/app /app\nRUN /app --selftest\n",
  ],
  mentions: /BUILD(?:ARCH|PLATFORM|OS)/,
  check(model, report) {
    for (const view of model.views) {
      if (view.scenario.build.architecture === view.scenario.target.architecture) continue;
      for (const { index, follows } of model.stages)
        if (follows === "build") followStage(model, view, index, report);
    }
  },
};

type Report = (remark: Remark) => void;

/** Follows a stage's commands and COPYs: what becomes of the target's files, and which of them are started. */
function followStage(model: DockerfileModel, view: ScenarioView, index: number, report: Report): void {
  const tracker = new FileTracker<string>();
  const downloads = downloadsByCommand(model);
  const copies = model.copies.filter(({ to }) => to === index);
  for (const use of commandsOf(model, view, index)) {
    for (const copy of copies)
      if (copy.instruction.line < use.instruction.line) addCopied(model, view, tracker, copy);
    const how = startedFrom(tracker, use) ?? runByCompiler(use);
    if (how !== undefined)
      report({
        line: use.line,
        message: `${use.program} was ${how} for the target, and is started on the build machine.`,
      });
    tracker.follow(use);
    for (const { outputs, piped, url, place } of downloads.get(use.executed) ?? []) {
      if (!isTargets(url, place)) continue;
      if (piped) tracker.pipe("fetched", baseName(url));
      else for (const output of outputs) tracker.add("fetched", output);
    }
    addCompiled(tracker, use);
  }
}

function commandsOf(model: DockerfileModel, view: ScenarioView, index: number): readonly Use[] {
  return usesOf(model).filter((use) => use.view === view && use.facts.index === index);
}

/** `go run`, `go test` and `cargo run` start what they compile. */
function runByCompiler(use: Use): string | undefined {
  const { program, args, view } = use;
  const { target } = view.scenario;
  const [verb = ""] = args;
  if (
    program === "go" &&
    (verb === "run" || verb === "test") &&
    !args.includes("-c") &&
    !args.includes("-exec")
  )
    return variable(use, "GOARCH") === target.architecture ? "compiled" : undefined;
  if (program !== "cargo" || !/^(?:run|test|bench|r|t)$/.test(verb) || args.includes("--no-run"))
    return undefined;
  const triple = option(args, "--target") ?? variable(use, "CARGO_BUILD_TARGET") ?? "";
  return archNames(triple).some(({ arch }) => arch === target.architecture) ? "compiled" : undefined;
}

/** How the program that a command starts came here, where it is the target's. */
function startedFrom(tracker: FileTracker<string>, use: Use): string | undefined {
  const [word = ""] = use.executed.argv.slice(-1 - use.args.length);
  const name = posix.basename(word);
  if (/\.(?:sh|py|js|pl|rb|jar)$|^(?:install|configure|setup|bootstrap)/.test(name)) return undefined;
  tracker.enter(use);
  if (!word.includes("/")) return tracker.program(name);
  const file = tracker.at(word);
  if (file !== undefined) return file;
  const archs = new Set(archNames(word).map(({ arch }) => arch));
  const { target, build } = use.view.scenario;
  const made = /(?:^|\/)(?:target|dist|build|out|bin|zig-out|_output|\.build)\//.test(word);
  return made && archs.has(target.architecture) && !archs.has(build.architecture) ? "compiled" : undefined;
}

function isTargets(url: string, { view, stage }: Place): boolean {
  const archs = new Set(archsOfUrl(url).map(({ arch }) => arch));
  return archs.has(view.scenario.target.architecture) && !archs.has(stage.platform.architecture);
}

/** What the go, cargo and C compilers make for the target, as far as the command says where. */
function addCompiled(tracker: FileTracker<string>, use: Use): void {
  const { program, args, view } = use;
  const { architecture } = view.scenario.target;
  const isTarget = (text: string | undefined): boolean =>
    text !== undefined && archNames(text).some(({ arch }) => arch === architecture);
  if (program === "go" && args[0] === "build" && variable(use, "GOARCH") === architecture) {
    const output = option(args, "-o");
    if (output !== undefined) tracker.add("compiled", output, output.endsWith("/"));
  } else if (/^(?:cargo|cross)$/.test(program) && /^(?:build|zigbuild|b|xwin)$/.test(args[0] ?? "")) {
    const triple = option(args, "--target") ?? variable(use, "CARGO_BUILD_TARGET");
    if (triple === undefined || !isTarget(triple)) return;
    const directory = option(args, "--target-dir") ?? variable(use, "CARGO_TARGET_DIR") ?? "target";
    tracker.add("compiled", posix.join(directory, triple), true);
  } else if (/-(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)$/.test(program) && isTarget(program)) {
    const output = option(args, "-o");
    if (output !== undefined) tracker.add("compiled", output);
  }
}

/** Programs that COPY takes out of a stage of the target. */
function addCopied(
  model: DockerfileModel,
  view: ScenarioView,
  tracker: FileTracker<string>,
  { from, sources, destination, instruction }: CopyEdge,
): void {
  const source = from === undefined ? undefined : model.stages[from];
  if (source?.follows !== "target" || instruction.keyword !== "COPY") return;
  if (view.stages[source.index]?.base === "scratch" && !sources.some((path) => /bin/.test(path))) return;
  for (const path of sources) {
    if (!/(?:^|\/)s?bin\/[\w.+-]+$/.test(path) && !/(?:^|\/)s?bin\/[\w.+-]+$/.test(destination)) continue;
    const into = destination.endsWith("/") ? posix.join(destination, posix.basename(path)) : destination;
    tracker.add("copied", into);
  }
}
