import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { remoteContext } from "../plan/dockerfile-sources.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { parseLocation } from "../stores/locations.ts";

/**
 * Keeps this build's own outputs out of its context: `COPY . .` would put the last image into the next one, which
 * would grow with every build. Where an output is in the context, the Dockerfile is built from a copy in `workspace` that
 * has an ignore file of its own: the one that would have counted, and the outputs. Returns the request to solve.
 */
export async function keepOutputsOut(
  request: DockerfileRequest,
  workspace: string,
  cwd: string,
): Promise<DockerfileRequest> {
  const { context, dockerfile, outputs } = request;
  if (remoteContext(context) !== undefined) return request;
  const inside = outputs.flatMap((output) => {
    const location = parseLocation(output, cwd);
    const path = location.transport === "docker" ? ".." : relative(context, location.path);
    return path === "" || path === ".." || path.startsWith(`..${sep}`) ? [] : [path.split(sep).join("/")];
  });
  if (inside.length === 0) return request;
  const directory = join(workspace, "dockerfile");
  const copy = join(directory, basename(dockerfile));
  const ignore = [`${dockerfile}.dockerignore`, join(context, ".dockerignore")].find((path) =>
    existsSync(path),
  );
  const patterns = ignore === undefined ? "" : `${await readFile(ignore, "utf8")}\n`;
  await mkdir(directory, { recursive: true });
  await writeFile(copy, await readFile(dockerfile));
  await writeFile(`${copy}.dockerignore`, `${patterns}${inside.map(escaped).join("\n")}\n`);
  return { ...request, dockerfile: copy };
}

/** As Go's filepath.Match reads it. */
function escaped(path: string): string {
  return path.replace(/[\\*?[\]!#]/g, "\\$&");
}
