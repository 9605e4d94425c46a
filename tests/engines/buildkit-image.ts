import { copyFile, mkdir, realpath, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Docker } from "./dockerd.ts";
import { needEngine } from "./install.ts";
import { makeMountableTempDir } from "./mounts.ts";
import { run } from "./process.ts";

/** What buildx takes for its containers when it isn't told otherwise. */
const buildkitImage = "moby/buildkit:buildx-stable-1";

/** The libraries that a program loads, the engine's own and this machine's: soname → path. */
async function sharedLibraries(program: string, folder: string): Promise<Map<string, string>> {
  const { stdout } = await run("ldd", [program], { env: { LD_LIBRARY_PATH: folder } });
  const found = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  return new Map(found.map((path) => [basename(path), path]));
}

/**
 * Loads an image with buildkitd 0.26, buildctl and runc into a dockerd of the tests, under the name that buildx's
 * docker-container driver asks for (2 s). Containers need `--driver-opt network=host`, as dockerd has no other network.
 * @returns {@link buildkitImage}.
 */
export async function loadBuildkitImage(docker: Docker): Promise<string> {
  const root = (await needEngine("buildkit")).root("buildkit");
  await using temp = await makeMountableTempDir();
  const image = (path: string): string => join(temp.path, "root", path);
  for (const folder of ["usr/bin", "usr/lib", "lib64", "tmp", "etc", "run", "root", "var/lib"]) {
    await mkdir(image(folder), { recursive: true });
  }
  for (const program of ["bin/buildkitd", "bin/buildctl", "usr/sbin/runc"]) {
    await copyFile(join(root, program), image(join("usr/bin", basename(program))));
  }
  await symlink("usr/bin", image("bin"));
  const libraries = await sharedLibraries(
    join(root, "usr/sbin/runc"),
    join(root, "usr/lib/x86_64-linux-gnu"),
  );
  for (const [name, path] of libraries) {
    const folder = dirname(path) === "/lib64" ? "lib64" : "usr/lib";
    await copyFile(await realpath(path), image(join(folder, name)));
  }
  const archive = join(temp.path, "root.tar");
  await run("tar", ["-C", image(""), "--owner=0", "--group=0", "-cf", archive, "."]);
  const changes = ['ENTRYPOINT ["buildkitd"]', "ENV PATH=/usr/bin LD_LIBRARY_PATH=/usr/lib"];
  await docker.run(["import", ...changes.flatMap((change) => ["--change", change]), archive, buildkitImage]);
  return buildkitImage;
}
