import type { Entry } from "../archive/entry.ts";
import type { PythonProject } from "../packages/python/project.ts";
import { normalizeName } from "../packages/python/name.ts";

/**
 * Dependencies live in a virtual environment (PEP 405): apart from the base's own packages, found by every
 * interpreter start, and the same path whatever the base.
 */
export const venvPrefix = "opt/venv";
export const venvBin: string = `/${venvPrefix}/bin`;
export const venvEnv: Readonly<Record<string, string>> = {
  PATH: `${venvBin}:$PATH`,
  VIRTUAL_ENV: `/${venvPrefix}`,
};

/** "lib/python3.11/site-packages" of the environment, relative to the image's root. */
function sitePackages(minor: string): string {
  return `${venvPrefix}/lib/python${minor}/site-packages`;
}

export function textFile(path: string, text: string, mode = 0o644): Entry {
  const bytes = Buffer.from(text);
  return { type: "file", path, mode, size: bytes.byteLength, content: { bytes } };
}

/** pyvenv.cfg and the links to the base's interpreter; `executable` is absolute in the image. */
export function venvSkeleton(executable: string, minor: string): Entry[] {
  const home = executable.slice(0, executable.lastIndexOf("/"));
  const link = (name: string, target: string): Entry => ({
    type: "symlink",
    path: `${venvPrefix}/bin/${name}`,
    mode: 0o777,
    target,
  });
  return [
    textFile(
      `${venvPrefix}/pyvenv.cfg`,
      `home = ${home}\ninclude-system-site-packages = false\nversion = ${minor}\n`,
    ),
    link("python", executable),
    link("python3", "python"),
    link(`python${minor}`, "python"),
  ];
}

/**
 * What makes the application importable and known to importlib.metadata from any directory: a path file and a
 * dist-info, as an editable installation would leave them. Its console scripts come from packages/python.
 */
export function applicationMetadata(
  project: PythonProject | undefined,
  paths: readonly string[],
  minor: string,
): Entry[] {
  const site = sitePackages(minor);
  const entries = [textFile(`${site}/_anyarch_application.pth`, `${paths.join("\n")}\n`)];
  if (project?.name === undefined) return entries;
  const version = project.version ?? "0";
  const folder = `${site}/${normalizeName(project.name).replaceAll("-", "_")}-${version}.dist-info`;
  const metadata = [
    "Metadata-Version: 2.1",
    `Name: ${project.name}`,
    `Version: ${version}`,
    ...(project.requiresPython === undefined ? [] : [`Requires-Python: ${project.requiresPython}`]),
    ...project.dependencies.map((requirement) => `Requires-Dist: ${requirement}`),
  ];
  entries.push(
    textFile(`${folder}/METADATA`, `${metadata.join("\n")}\n`),
    textFile(`${folder}/INSTALLER`, "anyarch\n"),
  );
  const groups = Object.entries({
    console_scripts: project.scripts,
    gui_scripts: project.guiScripts,
    ...project.entryPoints,
  });
  const text = groups
    .filter(([, points]) => Object.keys(points).length > 0)
    .map(
      ([group, points]) =>
        `[${group}]\n${Object.entries(points)
          .map(([name, target]) => `${name} = ${target}\n`)
          .join("")}`,
    )
    .join("\n");
  if (text !== "") entries.push(textFile(`${folder}/entry_points.txt`, text));
  return entries;
}
