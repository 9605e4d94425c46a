import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../engines/process.ts";

/** The C source of module NAME, with a function that says what it was compiled for. */
export function machineExtension(name: string): string {
  return `#define PY_SSIZE_T_CLEAN
#include <Python.h>
#ifdef __aarch64__
#define MACHINE "aarch64"
#else
#define MACHINE "x86_64"
#endif
static PyObject *machine(PyObject *self, PyObject *args) { return PyUnicode_FromString(MACHINE); }
static PyMethodDef methods[] = {{"machine", machine, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "${name}", NULL, -1, methods};
PyMODINIT_FUNC PyInit_${name}(void) { return PyModule_Create(&module); }
`;
}

/** A build backend (PEP 517) that needs nothing but a compiler. */
function backend({ name, requires = [], module, libraries = "" }: NativeSdist): string {
  return `import base64, hashlib, os, platform, subprocess, sys, sysconfig, zipfile
${requires.map((one) => `import ${one}\n`).join("")}
def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

def build_wheel(directory, config_settings=None, metadata_directory=None):
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    name, library = "${name}", ${module === undefined ? `"${name}" + suffix` : `"${name}/library.so"`}
    tag = ${module === undefined ? 'f"{python}-{python}' : 'f"py3-none'}-linux_{platform.machine()}"
    flags = ["-shared", "-fPIC", "-I" + sysconfig.get_paths()["include"]]
    subprocess.run(["gcc", *flags, "${name}.c", "-o", "built.so", *"${libraries}".split()], check=True)
    wheel = f"{name}-1.0-{tag}.whl"
    info = f"{name}-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write("built.so", library)
        if os.path.exists("module.py"):
            archive.writestr(name + "/__init__.py", open("module.py").read())
        archive.writestr(info + "METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        archive.writestr(info + "WHEEL", f"Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: false\\nTag: {tag}\\n")
        record = [f"{entry.filename},sha256={digest(archive.read(entry))},{entry.file_size}" for entry in archive.infolist()]
        archive.writestr(info + "RECORD", "\\n".join([*record, info + "RECORD,,", ""]))
    return wheel
`;
}

export interface NativeSdist {
  readonly name: string;
  /** What its build itself needs; imported by the backend. */
  readonly requires?: readonly string[];
  /** In C: of an extension module, or of a library.so beside the Python `module`, which loads it. */
  readonly source: string;
  readonly module?: string;
  /** For the linker. */
  readonly libraries?: string;
}

/**
 * Writes NAME-1.0.tar.gz, a package that exists as C source only, into `directory`. Returns the line of a requirement
 * file that locks it.
 */
export async function writeNativeSdist(directory: string, sdist: NativeSdist): Promise<string> {
  const { name, requires = [], source, module } = sdist;
  const root = join(directory, `${name}-1.0`);
  mkdirSync(root, { recursive: true });
  const write = (path: string, text: string): void => writeFileSync(join(root, path), text);
  write("PKG-INFO", `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`);
  const system = [
    `requires = ${JSON.stringify(requires)}`,
    'build-backend = "backend"',
    'backend-path = ["."]',
  ];
  write("pyproject.toml", ["[build-system]", ...system, ""].join("\n"));
  write("backend.py", backend(sdist));
  write(`${name}.c`, source);
  if (module !== undefined) write("module.py", module);
  const tidy = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--remove-files"];
  await run("tar", ["-C", directory, ...tidy, "-czf", `${root}.tar.gz`, `${name}-1.0`]);
  const digest = createHash("sha256")
    .update(readFileSync(`${root}.tar.gz`))
    .digest("hex");
  return `${name}==1.0 --hash=sha256:${digest}`;
}
