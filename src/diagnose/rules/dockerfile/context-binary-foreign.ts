import { counterpart } from "../../../verify/shipped-for-many.ts";
import { machineOf } from "../../../verify/architecture.ts";
import type { ContextFiles } from "../../dockerfile/context-files.ts";
import { type CopiedFiles, copiedFiles, targetPlaces } from "../../dockerfile/copied-files.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { type Place, placesOf, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "context-binary-foreign",
  severity: "error",
  title: "A program in the build context is for another CPU than the target",
  why: "COPY takes it as it is: on the other platform it fails with `exec format error`, `invalid ELF header` or `cannot open shared object file`. The file's own header was read.",
  fix: "Copy from a directory by platform (`dist/${TARGETOS}/${TARGETARCH}/`), or compile in a stage.",
  bad: [
    {
      Dockerfile: 'FROM debian:12-slim\nCOPY server /usr/local/bin/server\nCMD ["server"]\n',
      server: { machine: "x86_64" },
    },
    {
      Dockerfile: 'FROM node:22-slim\nWORKDIR /app\nCOPY . .\nCMD ["node", "index.js"]\n',
      "node_modules/bcrypt/build/Release/bcrypt_lib.node": { machine: "aarch64" },
    },
    {
      Dockerfile: "FROM node:22-slim\nCOPY node_modules /app/node_modules\n",
      "node_modules/@esbuild/darwin-arm64/bin/esbuild": { machine: "Mach-O" },
    },
    {
      Dockerfile: "FROM alpine:3.22\nARG TARGETARCH\nCOPY out/app-${TARGETARCH} /app\n",
      "out/app-amd64": { machine: "x86_64" },
      "out/app-arm64": { machine: "x86_64" },
    },
  ],
  good: [
    {
      Dockerfile: "FROM alpine:3.22\nARG TARGETARCH\nCOPY out/app-${TARGETARCH} /app\n",
      "out/app-amd64": { machine: "x86_64" },
      "out/app-arm64": { machine: "aarch64" },
    },
    {
      Dockerfile: "FROM node:22-slim\nWORKDIR /app\nCOPY . .\n",
      ".dockerignore": "node_modules\n",
      "node_modules/bcrypt/build/Release/bcrypt_lib.node": { machine: "x86_64" },
    },
    {
      Dockerfile: "FROM node:22-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\n",
      "node_modules/bcrypt/build/Release/bcrypt_lib.node": { machine: "x86_64" },
    },
    {
      Dockerfile: "FROM node:22-slim\nCOPY node_modules /app/node_modules\n",
      "node_modules/x/prebuilds/linux-x64/x.node": { machine: "x86_64" },
      "node_modules/x/prebuilds/linux-arm64/x.node": { machine: "aarch64" },
      "node_modules/x/prebuilds/darwin-arm64/x.node": { machine: "Mach-O" },
    },
    {
      Dockerfile:
        "FROM golang:1.25 AS build\nCOPY . .\nRUN go build -o /out/app .\nFROM scratch\nCOPY --from=build /out/app /app\n",
      app: { machine: "x86_64" },
    },
    {
      Dockerfile: "FROM debian:12-slim\nCOPY server /usr/local/bin/server\n",
      server: "#!/bin/sh\nexec app\n",
    },
  ],
  check(model, report) {
    const { files } = model;
    if (files === undefined) return;
    const places = targetPlaces(placesOf(model)).filter(({ facts }) => facts.ships);
    for (const copied of copiedFiles(places, files)) {
      const { place, matched, source } = copied;
      const foreign = foreignPrograms(copied, files);
      const [first] = foreign;
      if (first === undefined) continue;
      const { architecture } = place.stage.platform;
      const more = foreign.length > 1 ? ` and ${foreign.length - 1} more` : "";
      const what = matched.named ? first.path : `${source} takes along ${first.path}${more}:`;
      report({
        line: place.instruction.line,
        severity: matched.named ? "error" : "warning",
        message: `${what} ${matched.named ? "is" : "it is"} a program for ${nameOf(first.machine)}.`,
        architectures: [architecture],
        ...(!matched.named && {
          fix: "Leave it out by .dockerignore (node_modules, .venv, results of builds), and install or compile it in a stage for the target.",
        }),
      });
    }
  },
};

interface Foreign {
  readonly path: string;
  readonly machine: string;
}

function nameOf(machine: string): string {
  return machine === "Mach-O" ? "macOS" : machine === "PE" ? "Windows" : machine;
}

/** Files of tests hold programs of all kinds; so do archives of object files. */
const examples = /(?:^|\/)(?:testdata|test-?data|tests?|__tests__|fixtures|examples?|firmware)\//;

function foreignPrograms({ place, matched }: CopiedFiles, files: ContextFiles): readonly Foreign[] {
  const wanted = machineOf(place.stage.platform);
  if (wanted === undefined) return [];
  const isInstalledAnew = refreshed(place);
  const programs = matched.files.flatMap((path): Foreign[] => {
    if (!matched.named && (!looksLoadable(path) || examples.test(path) || isInstalledAnew(path))) return [];
    const machine = files.program(path)?.machine;
    return machine === undefined ? [] : [{ path, machine }];
  });
  const fits = new Set<string>();
  for (const { path, machine } of programs) {
    if (machine !== wanted) continue;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) fits.add(path.slice(0, end));
  }
  return programs.filter(
    ({ path, machine }) =>
      machine !== wanted &&
      !(wanted === "x86_64" && machine === "386") &&
      (matched.named ||
        counterpart(path, machine.includes("-") ? undefined : machine, wanted, fits) === undefined),
  );
}

/** Programs have no suffix, or that of a library or extension: other files of a large context aren't opened. */
function looksLoadable(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return !name.includes(".") || /\.(?:node|exe|bin|run|elf|so(?:\.\d+)*|dylib|pyd)$/i.test(name);
}

/** Whether what lies at a path is installed anew after it was copied. */
function refreshed(place: Place): (path: string) => boolean {
  const later = usesOf(place.model).filter(
    (use) => use.view === place.view && use.facts.index === place.facts.index && use.order > place.order,
  );
  const isAnew = later.some(
    ({ program, args }) =>
      (program === "npm" && /^(?:ci|clean-install|rebuild)$/.test(args[0] ?? "")) ||
      (program === "rm" && args.some((word) => /(?:^|\/)node_modules\/?$/.test(word))),
  );
  return (path) => isAnew && /(?:^|\/)node_modules\//.test(path);
}
