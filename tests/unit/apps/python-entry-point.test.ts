import { describe, expect, it } from "vitest";
import { AnyarchError } from "../../../src/errors/error.ts";
import { findEntryPoint } from "../../../src/apps/python-entry-point.ts";

const find = (
  files: Record<string, string>,
  project: { name?: string; scripts?: Record<string, string>; packages?: string[] } = {},
) =>
  findEntryPoint(
    { scripts: {}, ...project, packages: new Set(project.packages) },
    { files: new Set(Object.keys(files)), read: (path) => files[path] ?? "" },
  );

describe("findEntryPoint", () => {
  it("004-12 takes [project.scripts] of a module beside pyproject.toml", () => {
    expect(find({ "app.py": "" }, { scripts: { demo: "app:main" } })).toMatchObject({
      command: ["demo"],
      why: "[project.scripts] demo",
    });
  });

  it("prefers the script named like the project, and says that there are others", () => {
    const found = find(
      { "src/shop/cli.py": "" },
      { name: "shop", scripts: { admin: "shop.cli:admin", shop: "shop.cli:main" } },
    );
    expect(found.command).toEqual(["shop"]);
    expect(found.why).toContain("one of admin, shop");
  });

  it("finds a FastAPI application in a src layout, importable as installed", () => {
    const found = find(
      {
        "src/shop/main.py": "from fastapi import FastAPI\napi: FastAPI = FastAPI(title='x')\n",
        "tests/test_x.py": "app = FastAPI()",
      },
      { packages: ["fastapi", "uvicorn"] },
    );
    expect(found.command).toEqual(["uvicorn", "shop.main:api", "--host", "0.0.0.0", "--port", "8000"]);
    expect(found.ports).toEqual(["8000/tcp"]);
  });

  it("serves Flask with gunicorn where that is installed, else with its own server", () => {
    const files = { "app.py": "import flask\napp = flask.Flask(__name__)\n" };
    expect(find(files, { packages: ["flask", "gunicorn"] }).command[0]).toBe("gunicorn");
    expect(find(files, { packages: ["flask"] }).command).toEqual([
      "flask",
      "--app",
      "app:app",
      "run",
      "--host",
      "0.0.0.0",
      "--port",
      "5000",
    ]);
  });

  it("runs Django, packages with __main__.py, and plain modules", () => {
    expect(find({ "manage.py": "" }, { packages: ["django"] }).command).toContain("runserver");
    expect(find({ "tool/__main__.py": "", "tool/__init__.py": "" }).command).toEqual([
      "python",
      "-m",
      "tool",
    ]);
    expect(find({ "main.py": "" }).command).toEqual(["python", "main.py"]);
  });

  it.each<[Record<string, string>, { scripts?: Record<string, string> }]>([
    [{}, {}],
    [{ "lib.py": "" }, {}],
    [{ "app.py": "" }, { scripts: { demo: "nope:main" } }],
    [{ "app.py": "" }, { scripts: { demo: "app" } }],
  ])("says that there is none: %j %j", (files, project) => {
    let error: unknown;
    try {
      find(files, project);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(AnyarchError);
    expect(error).toMatchObject({ code: "ENTRYPOINT_MISSING", exitCode: 2 });
  });

  it("trusts a script whose module comes with a dependency", () => {
    expect(find({}, { scripts: { serve: "uvicorn.main:main" }, packages: ["uvicorn"] }).command).toEqual([
      "serve",
    ]);
  });
});
