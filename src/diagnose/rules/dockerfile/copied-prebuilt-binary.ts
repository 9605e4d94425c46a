import { mountsOf } from "../../../dockerfile/mounts.ts";
import { archNames, withoutArchs } from "../../dockerfile/arch-names.ts";
import { copyPaths, type DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule, Remark } from "../../dockerfile/rule.ts";
import { isNative, type Place, placesOf, usesOf } from "../../dockerfile/uses.ts";
import { execForm } from "../../../dockerfile/parse.ts";

/** Files that no CPU reads directly. */
const neutral =
  /\.(?:sh|bash|py|js|mjs|cjs|ts|rb|pl|php|lua|jar|war|wasm|json|ya?ml|toml|conf|cfg|ini|txt|md|html|css|sql|xml|properties|pem|crt|key|service|lock|mod|sum|env|[sS]|inc|rst|adoc|cnf|properties|csv|tsv|cmake|mk|nix|hcl|tf|cue|rego|star|bzl|vim|sudoers|rules|socket|timer|desktop|ttf|woff2?|png|jpe?g|gif|svg|ico|list|repo|gpg|asc|dtb|img|proto|go|rs|c|h|cpp|patch|diff|template|tmpl)$/i;

/** Files that hold others; only a name of an architecture tells what. */
const packed = /\.(?:whl|zip|tgz|gz|xz|bz2|zst)$/i;

export const rule: DockerfileRule = {
  id: "copied-prebuilt-binary",
  severity: "error",
  title: "A program compiled outside the build is copied, the same for every target",
  why: "The context holds one file: every target gets the one that the person or CI job who built it happened to make.",
  fix: "Copy from a directory by platform (`dist/${TARGETOS}/${TARGETARCH}/`), or compile in a stage.",
  bad: [
    "FROM alpine:3.20\nCOPY bin/app-linux-amd64 /usr/local/bin/app\n",
    'FROM gcr.io/distroless/static\nCOPY manager /manager\nENTRYPOINT ["/manager"]\n',
    "FROM debian:12\nCOPY target/release/server /usr/local/bin/server\n",
  ],
  good: [
    "FROM alpine:3.20\nARG TARGETOS TARGETARCH\nCOPY dist/${TARGETOS}/${TARGETARCH}/app /usr/local/bin/app\n",
    'FROM debian:12\nCOPY docker-entrypoint.sh /usr/local/bin/\nENTRYPOINT ["docker-entrypoint.sh"]\n',
    "FROM eclipse-temurin:21\nCOPY target/app.jar /app.jar\n",
  ],
  check(model, report) {
    for (const place of placesOf(model)) {
      const { instruction, view, facts } = place;
      if (isNative(view)) reportMounts(place, report);
      if ((instruction.keyword !== "COPY" && instruction.keyword !== "ADD") || !isNative(view)) continue;
      if (instruction.flags.some(({ name }) => name === "from") || instruction.heredocs.length > 0) continue;
      const sources = place.at.words.slice(0, -1).filter((word) => !/^https?:|^git@/.test(word));
      // What lies there was looked at by context-binary-foreign.
      const isUnseen = (source: string): boolean => model.files?.matched(source) === undefined;
      const { architecture } = view.scenario.target;
      const named = sources.find(
        (source) => isForeign(source, architecture) && !hasTwin(place, source) && isUnseen(source),
      );
      if (named !== undefined) {
        report({
          line: instruction.line,
          message: `${named} is copied for every target.`,
          architectures: [architecture],
        });
      } else if (
        facts.ships &&
        !/\$\{?TARGET(?:ARCH|PLATFORM|VARIANT)/.test(instruction.text) &&
        sources.some((source) => isProgram(model, place, source) && isUnseen(source))
      ) {
        report({
          line: instruction.line,
          severity: "warning",
          message: "This program was compiled outside the build, for one architecture.",
        });
      }
    }
  },
};

/** A bind mount of the context's directory for one architecture. */
function reportMounts({ instruction, view, at }: Place, report: (remark: Remark) => void): void {
  const { architecture } = view.scenario.target;
  for (const { from, source } of mountsOf(instruction)) {
    if (from !== "" || source === undefined || source.length > 1000) continue;
    const path = source.replaceAll(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (_, braced?: string, bare?: string) => at.variables.get(braced ?? bare ?? "") ?? "\ufffc",
    );
    if (!isForeign(path, architecture)) continue;
    report({
      line: instruction.line,
      message: `${path} is mounted for every target.`,
      architectures: [architecture],
    });
  }
}

const families = new WeakMap<object, ReadonlySet<string>>();

/** The target's file is copied too: which is used is decided later. */
function hasTwin({ stage, view }: Place, source: string): boolean {
  const { architecture } = view.scenario.target;
  const known =
    families.get(stage) ??
    new Set(
      stage.instructions
        .filter(({ instruction }) => instruction.keyword === "COPY" || instruction.keyword === "ADD")
        .flatMap(({ words }) => words.slice(0, -1))
        .filter((word) => archNames(word).some(({ arch }) => arch === architecture))
        .map(withoutArchs),
    );
  families.set(stage, known);
  return known.has(withoutArchs(source));
}

function isForeign(source: string, architecture: string): boolean {
  if (
    neutral.test(source) ||
    /(?:^|\/)qemu-[\w*]+(?:-static)?(?:\.tar\.\w+)?$|qemu-[\w*]+-static/.test(source)
  )
    return false;
  const names = archNames(source);
  return names.length > 0 && !names.some(({ arch }) => arch === architecture);
}

/** A single file without suffix from a compiler's usual place, or that the image starts. */
function isProgram(model: DockerfileModel, place: Place, source: string): boolean {
  const name = source.replace(/\/+$/, "").slice(source.replace(/\/+$/, "").lastIndexOf("/") + 1);
  if (
    name === "" ||
    neutral.test(name) ||
    packed.test(name) ||
    /[*?$\ufffc]/.test(source) ||
    source === "." ||
    source.endsWith("/") ||
    name.startsWith(".")
  )
    return false;
  if (/(?:^|\/)target\/(?:release|debug)\/[\w-]+$/.test(source)) return true;
  if (/\.so(?:\.\d+)*$/.test(name)) return true;
  if (
    /\./.test(name) ||
    /^(?:docker-)?entrypoint|^(?:start|run|init|configure|setup|install|wait-for|healthcheck|health|docker-|Make|LICENSE|README|Gemfile|Procfile|Rakefile|gradlew|mvnw|artisan|manage|crontab|motd|hosts|passwd|group|src|app|lib|etc|config|conf|public|static|assets|templates|scripts|dist|build|html|www|rootfs|files|docker|node_modules|vendor)/i.test(
      name,
    )
  )
    return startsIt(model, place, name) && /^scratch$|distroless\/(?:static|base|cc)/.test(place.stage.base);
  return (
    startsIt(model, place, name) &&
    (scratchLike(place) || /(?:^|\/)(?:bin|out|build|dist|_output|release)\//.test(source))
  );
}

/** A base without interpreters: what is started there is a compiled program. */
function scratchLike({ stage, facts, model }: Place): boolean {
  if (facts.parent !== undefined) return false;
  const interprets = usesOf(model).some(
    ({ facts: each, program, args }) =>
      each.index === facts.index &&
      /^(?:apk|apt-get|apt|dnf|yum)$/.test(program) &&
      /\b(?:bash|python3?|nodejs|ruby|php|perl|openjdk)/.test(args.join(" ")),
  );
  return (
    !interprets &&
    /^scratch$|distroless\/(?:static|base|cc)|^(?:alpine|busybox|debian|ubuntu)(?::|$)|\/(?:alpine|busybox|ubi\d?-(?:minimal|micro)|ubi-(?:minimal|micro)|wolfi-base|static|debian|ubuntu)(?::|$)/.test(
      stage.base,
    )
  );
}

function startsIt(_model: DockerfileModel, place: Place, name: string): boolean {
  const destination = copyPaths(place.instruction).at(-1) ?? "";
  if (/^\/(?:etc|usr\/share|var|srv|run|tmp|home\/\w+\/\.)/.test(destination)) return false;
  const installed =
    destination.endsWith("/") || destination === "."
      ? name
      : destination.slice(destination.lastIndexOf("/") + 1);
  return place.facts.stage.instructions.some(({ keyword, text }) => {
    if (keyword !== "ENTRYPOINT" && keyword !== "CMD") return false;
    const first = execForm(text)?.[0] ?? text.split(/\s+/)[0] ?? "";
    const base = first.slice(first.lastIndexOf("/") + 1);
    return base !== "" && (base === installed || (base === name && destination.endsWith("/")));
  });
}
