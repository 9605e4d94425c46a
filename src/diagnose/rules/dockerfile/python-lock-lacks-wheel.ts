import { posix } from "node:path";
import { AnyarchError } from "../../../errors/error.ts";
import type { LockedPackage } from "../../../packages/python/lock.ts";
import { readPylock } from "../../../packages/python/pylock.ts";
import { tagRanks } from "../../../packages/python/tags.ts";
import { TomlDocument } from "../../../packages/python/toml.ts";
import { readUvLock } from "../../../packages/python/uv-lock.ts";
import { bestTag, parseWheelName } from "../../../packages/python/wheel-filename.ts";
import type { ContextFiles } from "../../dockerfile/context-files.ts";
import { copiedFile } from "../../dockerfile/copied-files.ts";
import { pythonTargetOf } from "../../dockerfile/python-target.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, type Use, usesOf } from "../../dockerfile/uses.ts";

const lock = (files: string): string => `version = 1
requires-python = ">=3.12"
[[package]]
name = "app"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "fastmath" }]
[[package]]
name = "fastmath"
version = "2.0"
source = { registry = "https://index.example/simple" }
${files}
`;
const wheel = (platform: string): string =>
  `{ url = "https://index.example/fastmath-2.0-cp312-cp312-${platform}.whl", hash = "sha256:00" }`;

export const rule: DockerfileRule = {
  id: "python-lock-lacks-wheel",
  severity: "error",
  title: "uv.lock or pylock.toml holds a package without a wheel for the target",
  why: "The lock names all files of a package that there are. Where no wheel fits the target's CPU and C library the package is compiled there, which needs compilers and is slow under emulation; without sources it can't be installed.",
  fix: "Choose a version with a wheel for every target, compile it in a stage of the target with gcc and the headers it needs, or leave the platform out.",
  bad: [
    {
      Dockerfile: "FROM python:3.12-slim\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --locked --no-dev\n",
      "pyproject.toml": "",
      "uv.lock": lock(`wheels = [${wheel("manylinux_2_17_x86_64")}]`),
    },
    {
      Dockerfile: "FROM python:3.12-alpine\nCOPY . .\nRUN uv sync --frozen\n",
      "uv.lock": lock(`wheels = [${wheel("manylinux_2_17_x86_64")}, ${wheel("manylinux_2_17_aarch64")}]`),
    },
  ],
  good: [
    {
      Dockerfile: "FROM python:3.12-slim\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --locked --no-dev\n",
      "pyproject.toml": "",
      "uv.lock": lock(`wheels = [${wheel("manylinux_2_17_x86_64")}, ${wheel("manylinux_2_17_aarch64")}]`),
    },
    {
      Dockerfile: "FROM python:3.12-slim\nCOPY . .\nRUN uv sync --frozen\n",
      "uv.lock": lock(`sdist = { url = "https://index.example/fastmath-2.0.tar.gz", hash = "sha256:00" }`),
    },
  ],
  check(model, report) {
    const { files } = model;
    if (files === undefined) return;
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || use.facts.follows !== "target") continue;
      for (const { name, version, source, path } of unfitPackages(use, files)) {
        report({
          line: use.line,
          ...(source && { severity: "info" as const }),
          message: source
            ? `${name} ${version} of ${path} has no wheel for this platform: it is compiled.`
            : `${name} ${version} of ${path} has no wheel for this platform, and no source: it can't be installed.`,
          architectures: [use.stage.platform.architecture],
        });
        if (!source) break;
      }
    }
  },
};

interface Unfit {
  readonly name: string;
  readonly version: string;
  /** True where it can be compiled. */
  readonly source: boolean;
  readonly path: string;
}

/** Those that can't be installed first. */
function unfitPackages(use: Use, files: ContextFiles): readonly Unfit[] {
  const path = lockOf(use, files);
  if (path === undefined) return [];
  const target = pythonTargetOf(use.stage);
  try {
    const ranks = tagRanks(target);
    const found = readLock(use, path, files)
      .packagesFor(target)
      .packages.flatMap((locked): Unfit[] => {
        const names = locked.files?.map(({ filename }) => filename) ?? [];
        const wheels = names.flatMap((each) => parseWheelName(each) ?? []);
        if (wheels.length === 0 || wheels.some((each) => bestTag(each, ranks) !== undefined)) return [];
        return [{ ...labelOf(locked), source: wheels.length < names.length, path }];
      });
    return found.sort((a, b) => Number(a.source) - Number(b.source));
  } catch (error) {
    // What can't be read, or not for this platform, is uv's or pip's to say.
    if (error instanceof AnyarchError) return [];
    throw error;
  }
}

const labelOf = ({ name, version }: LockedPackage) => ({ name, version });

function lockOf(use: Use, files: ContextFiles): string | undefined {
  const { program, args } = use;
  if (program === "uv" && args[0] === "sync") return copiedFile(use, "uv.lock", files);
  const pip = /^pip[\d.]*$/.test(program) ? args : program === "uv" && args[0] === "pip" ? args.slice(1) : [];
  const name = pip.find((word) => /(?:^|\/)pylock(?:\.[\w-]+)?\.toml$/.test(word));
  return name === undefined ? undefined : copiedFile(use, posix.basename(name), files);
}

function readLock({ args }: Use, path: string, files: ContextFiles) {
  const document = new TomlDocument(path, files.text(path) ?? "", "LOCK_INVALID");
  const named = (...options: readonly string[]): string[] =>
    args.flatMap((word, index) => {
      const [option = "", value] = word.split("=", 2);
      return options.includes(option) ? [value ?? args[index + 1] ?? ""] : [];
    });
  const groups = named("--group", "--only-group");
  const extras = named("--extra");
  return posix.basename(path) === "uv.lock"
    ? readUvLock(document, { projectDir: posix.resolve("/", posix.dirname(path)), extras, groups })
    : readPylock(document, { extras, groups, direct: new Set() });
}
