import { readFile } from "node:fs/promises";
import { makeTempDir, type TempDir } from "../../src/host/temp-dir.ts";
import { run } from "./process.ts";

/** Unmounts all that is mounted below a directory, the innermost first. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = (await readFile("/proc/self/mounts", "utf8"))
    .split("\n")
    .map((line) => (line.split(" ")[1] ?? "").replaceAll(String.raw`\040`, " "))
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of mounts.reverse()) await run("umount", ["-l", path], { anyExit: true });
}

/** A temporary directory in which programs may leave mounts: they are unmounted before it is removed. */
export async function makeMountableTempDir(): Promise<TempDir> {
  const temp = await makeTempDir();
  return {
    path: temp.path,
    [Symbol.asyncDispose]: async () => {
      await unmountBelow(temp.path);
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** Puts an empty file system of so many bytes at a directory below one of `makeMountableTempDir`. Needs root. */
export async function mountSmallDisk(directory: string, bytes: number): Promise<void> {
  await run("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=755`, "tmpfs", directory]);
}
