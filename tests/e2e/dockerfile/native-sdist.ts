import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../engines/process.ts";

/** Says what it was compiled for. */
const extension = (include: string, said: string): string => `#define PY_SSIZE_T_CLEAN
#include <Python.h>
${include}
#ifdef __aarch64__
#define MACHINE "aarch64"
#else
#define MACHINE "x86_64"
#endif
static PyObject *machine(PyObject *self, PyObject *args) { return PyUnicode_FromString(${said}); }
static PyMethodDef methods[] = {{"machine", machine, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, methods};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&module); }
`;

/** A build backend (PEP 517) that needs nothing but a compiler. */
const backend = (
  name: string,
  libraries: string,
): string => `import base64, hashlib, os, platform, subprocess, sys, sysconfig, zipfile

def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

def build_wheel(directory, config_settings=None, metadata_directory=None):
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    tag = f"{python}-{python}-linux_{platform.machine()}"
    flags = ["-shared", "-fPIC", "-I" + sysconfig.get_paths()["include"]]
    subprocess.run(["gcc", *flags, "${name}.c", "-o", "${name}" + suffix, *"${libraries}".split()], check=True)
    wheel = f"${name}-1.0-{tag}.whl"
    info = "${name}-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write("${name}" + suffix)
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: ${name}\\nVersion: 1.0\\n")
        archive.writestr(info + "WHEEL", f"Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: false\\nTag: {tag}\\n")
        record = [f"{entry.filename},sha256={digest(archive.read(entry))},{entry.file_size}" for entry in archive.infolist()]
        archive.writestr(info + "RECORD", "\\n".join([*record, info + "RECORD,,", ""]))
    return wheel
`;

export interface NativeSdist {
  readonly name: string;
  /** A line of C before the code: "#include <zlib.h>". */
  readonly include?: string;
  /** What `machine()` returns: an expression of C, in which MACHINE is what it is compiled for. */
  readonly said: string;
  /** For the linker. */
  readonly libraries?: string;
}

/**
 * Writes NAME-1.0.tar.gz, a package that exists as C source only, into `directory`. Returns the line of a requirement
 * file that locks it.
 */
export async function writeNativeSdist(directory: string, sdist: NativeSdist): Promise<string> {
  const { name, include = "", said, libraries = "" } = sdist;
  const root = join(directory, `${name}-1.0`);
  mkdirSync(root, { recursive: true });
  const write = (path: string, text: string): void => writeFileSync(join(root, path), text);
  write("PKG-INFO", `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`);
  write("pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n');
  write("backend.py", backend(name, libraries));
  write(`${name}.c`, extension(include, said).replaceAll("NAME", name));
  const tidy = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--remove-files"];
  await run("tar", ["-C", directory, ...tidy, "-czf", `${root}.tar.gz`, `${name}-1.0`]);
  const digest = createHash("sha256")
    .update(readFileSync(`${root}.tar.gz`))
    .digest("hex");
  return `${name}==1.0 --hash=sha256:${digest}`;
}
