import { posix } from "node:path";
import { option, type Use, usesOf } from "./uses.ts";

/** Dependencies that are installed by a language's package manager, native parts among them. */
export interface Install {
  readonly tool: string;
  /** Absolute where known: what has to be copied for them to be taken along. */
  readonly directory: string;
  /** True where something in the command names the target. */
  readonly forTarget: boolean;
}

/** What `use` installs; undefined for other commands. */
export function installOf(use: Use, workdir: string): Install | undefined {
  const { program, args } = use;
  const words = args.filter((word) => !word.startsWith("-"));
  const [verb = ""] = words;
  const forTarget = args.some((word) =>
    /^--(?:platform|cpu|arch|python-platform|target-arch|abi)\b/.test(word),
  );
  const at = (path: string): string => posix.resolve(workdir, path);
  if (program === "npm" || program === "pnpm" || program === "yarn" || program === "bun") {
    const all = args.join(" ");
    if (
      /(?:^|\s)(?:-g|--global|global)(?:\s|$)|lockfile-only|package-lock-only|ignore-scripts.*--dry-run/.test(
        all,
      )
    )
      return undefined;
    const installs =
      /^(?:ci|install|i|add|clean-install|deploy|fetch|prune)$/.test(verb) ||
      (program === "yarn" && verb === "");
    if (!installs || verb === "prune" || verb === "fetch") return undefined;
    const prefix = option(args, "--prefix", "--cwd", "-C", "--dir");
    return {
      tool: program,
      directory: at(posix.join(prefix ?? ".", verb === "deploy" ? (words.at(-1) ?? "") : "", "node_modules")),
      forTarget,
    };
  }
  if (
    /^pip[\d.]*$/.test(program) ||
    (program.startsWith("python") && args[0] === "-m" && args[1] === "pip")
  ) {
    return pipInstall(use, program.startsWith("pip") ? args : args.slice(2), at, forTarget);
  }
  if (program === "uv" && (verb === "sync" || (verb === "pip" && words[1] === "install"))) {
    const target = option(args, "--target", "--prefix");
    return {
      tool: "uv",
      directory: at(target ?? use.executed.variables.get("UV_PROJECT_ENVIRONMENT") ?? ".venv"),
      forTarget,
    };
  }
  if (/^(?:poetry|pipenv|pdm)$/.test(program) && (verb === "install" || verb === "sync"))
    return { tool: program, directory: at(use.executed.variables.get("VIRTUAL_ENV") ?? ".venv"), forTarget };
  if (program === "bundle" && (verb === "install" || verb === "")) {
    return {
      tool: "bundle",
      directory: at(bundlePath(use)),
      forTarget,
    };
  }
  return undefined;
}

/** Where bundler puts gems: as an option, a variable or its configuration says; with "deployment" in vendor/bundle. */
function bundlePath(use: Use): string {
  const { args, executed, model } = use;
  const given = option(args, "--path") ?? executed.variables.get("BUNDLE_PATH");
  if (given !== undefined && given !== "") return given;
  let deployment =
    args.includes("--deployment") || /^(?:1|true)$/.test(executed.variables.get("BUNDLE_DEPLOYMENT") ?? "");
  for (const other of usesOf(model)) {
    if (other.facts.index !== use.facts.index || other.program !== "bundle" || other.args[0] !== "config")
      continue;
    const [name, value] = other.args.slice(1).filter((word) => !word.startsWith("-") && word !== "set");
    if (name === "path" && value !== undefined) return value;
    if (name === "deployment" && value !== "false") deployment = true;
  }
  return deployment ? "vendor/bundle" : "/usr/local/bundle";
}

function pipInstall(
  use: Use,
  args: readonly string[],
  at: (path: string) => string,
  forTarget: boolean,
): Install | undefined {
  const verb = args.find((word) => !word.startsWith("-"));
  if (verb !== "install" && verb !== "wheel" && verb !== "download") return undefined;
  const wanted = args.slice(args.indexOf(verb) + 1).filter((word) => !word.startsWith("-"));
  const toolsOnly =
    wanted.length > 0 &&
    wanted.every((word) =>
      /^(?:pip|setuptools|wheel|build|poetry|uv|pipenv|hatch|twine|tox|nox|virtualenv|mkdocs\S*|sphinx\S*|awscli|pre-commit|pdm|flit|cython|numpy-stubs)(?:[=<>~![].*)?$/.test(
        word,
      ),
    );
  if (toolsOnly) return undefined;
  const own =
    verb === "wheel" &&
    args.includes("--no-deps") &&
    wanted.every((word) => word === "." || word.startsWith("./"));
  if (own) return undefined;
  const target = option(args, "--target", "-t", "--prefix", "--root", "-w", "--wheel-dir", "-d", "--dest");
  const [executable = ""] = use.executed.argv;
  const venv = executable.includes("/bin/")
    ? executable.slice(0, executable.lastIndexOf("/bin/"))
    : undefined;
  const path = use.executed.variables.get("VIRTUAL_ENV") ?? venv;
  if (args.includes("--user")) return { tool: "pip", directory: "/root/.local", forTarget };
  return { tool: "pip", directory: at(target ?? path ?? "/usr/local/lib"), forTarget };
}
