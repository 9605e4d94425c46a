import { posix } from "node:path";
import { downloadsOf } from "../../dockerfile/downloads.ts";
import { archsOfUrl } from "../../dockerfile/downloads.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { option, type Place, type Use, usesOf, variable } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "target-binary-run-on-buildplatform",
  severity: "error",
  title: "A program of the target is started in a stage of the build platform",
  why: "It is for another CPU than the machine that builds: exec format error, or emulation by luck.",
  fix: "Start it in a target stage, or fetch a second copy for BUILDARCH as the build tool.",
  bad: [
    "FROM --platform=$BUILDPLATFORM debian:12 AS get\nARG TARGETARCH\nRUN curl -fsSL https://dl.example.com/tool-${TARGETARCH} -o /usr/local/bin/tool && chmod +x /usr/local/bin/tool && tool --version\nFROM debian:12\nCOPY --from=get /usr/local/bin/tool /usr/local/bin/tool\n",
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /out/app . && /out/app --selftest\nFROM debian:12\nCOPY --from=build /out/app /app\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /out/app .\nFROM debian:12\nCOPY --from=build /out/app /app\nRUN /app --selftest\n",
  ],
  check(model, report) {
    const uses = usesOf(model).filter(
      ({ facts, view }) =>
        facts.follows === "build" && view.scenario.build.architecture !== view.scenario.target.architecture,
    );
    const made = new Map([...fetched(model, uses), ...compiled(uses)]);
    for (const use of uses) {
      const how = made.get(keyOf(use, use.program));
      if (how === undefined || use.program === "go") continue;
      report({
        line: use.line,
        message: `${use.program} was ${how} for the target, and is started on the build machine.`,
      });
    }
  },
};

type Made = readonly [key: string, how: string];

/** A program by its name in one stage. */
function keyOf({ facts }: Use, name: string): string {
  return `${facts.index}/${posix.basename(name)}`;
}

/** Programs that are fetched for the target, by themselves or in an archive that is unpacked. */
function fetched(model: DockerfileModel, uses: readonly Use[]): Made[] {
  const downloads = downloadsOf(model).filter(
    ({ use, url, place }) => use !== undefined && uses.includes(use) && isTargets(url, place),
  );
  const direct = downloads.flatMap(({ use, outputs }): Made[] =>
    outputs
      .filter((output) => !/\.(?:tar|tgz|zip|gz|xz|deb|rpm|bz2)/.test(output))
      .flatMap((output) => (use === undefined ? [] : [[keyOf(use, output), "fetched"] as const])),
  );
  const unpacking = uses.filter(
    ({ program, instruction, view }) =>
      (program === "tar" || program === "unzip") &&
      downloads.some(({ place }) => place.instruction === instruction && place.view === view),
  );
  return [
    ...direct,
    ...unpacking.flatMap((use) => membersOf(use).map((name): Made => [keyOf(use, name), "fetched"])),
  ];
}

function isTargets(url: string, { view, stage }: Place): boolean {
  const archs = new Set(archsOfUrl(url).map(({ arch }) => arch));
  return archs.has(view.scenario.target.architecture) && !archs.has(stage.platform.architecture);
}

/** What tar and unzip are asked to unpack. */
function membersOf({ program, args }: Use): string[] {
  const names = args.filter(
    (word, index) => !word.startsWith("-") && !/^(?:-C|--directory|-d|-\w*f)$/.test(args[index - 1] ?? ""),
  );
  return program === "tar" ? names : names.slice(1);
}

function compiled(uses: readonly Use[]): Made[] {
  return uses.flatMap((use): Made[] => {
    const output = use.program === "go" && use.args[0] === "build" ? option(use.args, "-o") : undefined;
    const forTarget = variable(use, "GOARCH") === use.view.scenario.target.architecture;
    return output !== undefined && forTarget ? [[keyOf(use, output), "compiled"]] : [];
  });
}
