import { AnyarchError } from "../errors/error.ts";

export interface PythonEntryPoint {
  /** Arguments after the interpreter's directory: a script name in the environment's bin, or python -m …. */
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly why: string;
}

export interface PythonSources {
  /** Paths relative to the application, "/"-separated. */
  readonly files: ReadonlySet<string>;
  read(path: string): string;
}

export interface EntryPointProject {
  readonly name?: string;
  readonly scripts: Readonly<Record<string, string>>;
  /** Normalised names of the packages that the image will hold. */
  readonly packages: ReadonlySet<string>;
}

const roots = ["", "src/"] as const;

/** The file of a module ("pkg.mod") among the application's own, below the root or src/. */
function moduleFile(module: string, files: ReadonlySet<string>): string | undefined {
  const path = module.replaceAll(".", "/");
  for (const root of roots) {
    for (const candidate of [`${root}${path}.py`, `${root}${path}/__init__.py`]) {
      if (files.has(candidate)) return candidate;
    }
  }
  // A namespace package is a directory without __init__.py.
  const directory = [...files].find((file) => roots.some((root) => file.startsWith(`${root}${path}/`)));
  return directory;
}

/**
 * How the application starts, in this order: [project.scripts] (the one named like the project, else the
 * first), a web framework's application object, Django's manage.py, a package or directory with __main__.py,
 * main.py or app.py. Throws ENTRYPOINT_MISSING where none is there or a script's module doesn't exist.
 */
export function findEntryPoint(project: EntryPointProject, sources: PythonSources): PythonEntryPoint {
  return (
    scriptEntryPoint(project, sources) ??
    frameworkEntryPoint(project, sources) ??
    moduleEntryPoint(project, sources) ??
    missing(project)
  );
}

function missing(project: EntryPointProject): never {
  throw new AnyarchError(
    "ENTRYPOINT_MISSING",
    `${project.name ?? "The application"} has no entry point: no [project.scripts], no FastAPI, Flask or Django application, no __main__.py, main.py or app.py.`,
    { hint: 'Add [project.scripts] to pyproject.toml (name = "module:function"), or give --entrypoint.' },
  );
}

function scriptEntryPoint(project: EntryPointProject, sources: PythonSources): PythonEntryPoint | undefined {
  const names = Object.keys(project.scripts);
  const name = names.find((candidate) => candidate === project.name) ?? names[0];
  if (name === undefined) return undefined;
  const target = project.scripts[name] ?? "";
  const parsed = /^\s*([A-Za-z_][\w.]*)\s*:\s*([A-Za-z_][\w.]*)\s*(?:\[.*\])?$/.exec(target);
  if (parsed === null) {
    throw new AnyarchError(
      "ENTRYPOINT_MISSING",
      `The script ${name} = "${target}" is not of the form module:function.`,
      {
        hint: "Correct it in [project.scripts] of pyproject.toml.",
      },
    );
  }
  const module = parsed[1] ?? "";
  if (moduleFile(module, sources.files) === undefined && !suppliedByPackage(module, project.packages)) {
    throw new AnyarchError(
      "ENTRYPOINT_MISSING",
      `The script ${name} = "${target}" names the module ${module}, which is neither in the application nor in a dependency.`,
      {
        hint: `Looked for ${module.replaceAll(".", "/")}.py and below src/. Is it left out by .dockerignore?`,
      },
    );
  }
  const others = names.length > 1 ? ` (one of ${names.join(", ")}; choose with --entrypoint)` : "";
  return { command: [name], ports: [], why: `[project.scripts] ${name}${others}` };
}

/** A dependency's top-level module is only known once unpacked; its name nearly always is that of the package. */
function suppliedByPackage(module: string, packages: ReadonlySet<string>): boolean {
  const top = (module.split(".")[0] ?? "").toLowerCase().replaceAll("_", "-");
  return packages.has(top) || [...packages].some((name) => name.replace(/^python-|^py/, "") === top);
}

interface Framework {
  readonly package: string;
  readonly constructor: RegExp;
  readonly port: string;
  readonly servers: readonly {
    readonly package: string;
    command(target: string, port: string): readonly string[];
  }[];
}

const frameworks: readonly Framework[] = [
  {
    package: "fastapi",
    constructor: /^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*(?:fastapi\.)?FastAPI\(/m,
    port: "8000",
    servers: [
      {
        package: "uvicorn",
        command: (target, port) => ["uvicorn", target, "--host", "0.0.0.0", "--port", port],
      },
      { package: "hypercorn", command: (target, port) => ["hypercorn", target, "--bind", `0.0.0.0:${port}`] },
      {
        package: "granian",
        command: (target, port) => [
          "granian",
          "--interface",
          "asgi",
          "--host",
          "0.0.0.0",
          "--port",
          port,
          target,
        ],
      },
    ],
  },
  {
    package: "flask",
    constructor: /^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*(?:flask\.)?Flask\(/m,
    port: "5000",
    servers: [
      { package: "gunicorn", command: (target, port) => ["gunicorn", "--bind", `0.0.0.0:${port}`, target] },
      {
        package: "waitress",
        command: (target, port) => ["waitress-serve", "--listen", `0.0.0.0:${port}`, target],
      },
      {
        package: "flask",
        command: (target, port) => ["flask", "--app", target, "run", "--host", "0.0.0.0", "--port", port],
      },
    ],
  },
];

function frameworkEntryPoint(
  project: EntryPointProject,
  sources: PythonSources,
): PythonEntryPoint | undefined {
  for (const framework of frameworks) {
    if (!project.packages.has(framework.package)) continue;
    const server = framework.servers.find((candidate) => project.packages.has(candidate.package));
    const target = applicationObject(framework.constructor, sources);
    if (server === undefined || target === undefined) continue;
    return {
      command: server.command(target, framework.port),
      ports: [`${framework.port}/tcp`],
      why: `${framework.package} application ${target}, served by ${server.package}`,
    };
  }
  if (!project.packages.has("django") || !sources.files.has("manage.py")) return undefined;
  return {
    command: ["python", "manage.py", "runserver", "0.0.0.0:8000"],
    ports: ["8000/tcp"],
    why: "Django's manage.py (its development server; give --entrypoint for another)",
  };
}

/** "module:variable" of the first application object, in the places where it usually is. */
function applicationObject(constructor: RegExp, sources: PythonSources): string | undefined {
  const rank = (path: string): number => {
    const name = path.split("/").at(-1) ?? "";
    const usual = ["main.py", "app.py", "api.py", "server.py", "asgi.py", "wsgi.py", "__init__.py"].indexOf(
      name,
    );
    return path.split("/").length * 100 + (usual < 0 ? 50 : usual);
  };
  const candidates = [...sources.files]
    .filter((path) => path.endsWith(".py") && !/(?:^|\/)(?:tests?|docs|examples)\//.test(path))
    .filter((path) => !/(?:^|\/)(?:test_[^/]*|[^/]*_test|conftest)\.py$/.test(path))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  for (const path of candidates) {
    const variable = constructor.exec(sources.read(path))?.[1];
    if (variable === undefined) continue;
    const module = path
      .replace(/^src\//, "")
      .replace(/(?:\/__init__)?\.py$/, "")
      .replaceAll("/", ".");
    return `${module}:${variable}`;
  }
  return undefined;
}

function moduleEntryPoint(project: EntryPointProject, sources: PythonSources): PythonEntryPoint | undefined {
  const own = project.name?.toLowerCase().replaceAll(/[-.]+/g, "_");
  const packages = [...sources.files]
    .map((path) => /^(?:src\/)?([A-Za-z_]\w*)\/__main__\.py$/.exec(path)?.[1])
    .filter((name) => name !== undefined)
    .sort();
  const chosen = packages.find((name) => name === own) ?? (packages.length === 1 ? packages[0] : undefined);
  if (chosen !== undefined) {
    return { command: ["python", "-m", chosen], ports: [], why: `${chosen}/__main__.py` };
  }
  for (const file of ["__main__.py", "main.py", "app.py"]) {
    if (sources.files.has(file)) return { command: ["python", file], ports: [], why: file };
  }
  return undefined;
}
