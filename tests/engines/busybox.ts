import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { needEngine } from "./install.ts";
import type { SamplePlatform } from "./sample-image.ts";

export type BusyboxArchitecture = "amd64" | "arm64" | "armhf";

export const busyboxPlatforms: Readonly<Record<BusyboxArchitecture, SamplePlatform>> = {
  amd64: { os: "linux", architecture: "amd64" },
  arm64: { os: "linux", architecture: "arm64" },
  armhf: { os: "linux", architecture: "arm", variant: "v7" },
};

/** Makes a root filesystem with Debian's static busybox as /bin/busybox, and some of its names; returns `directory`. */
export async function makeBusyboxRoot(directory: string, architecture: BusyboxArchitecture): Promise<string> {
  const program = join((await needEngine("busybox")).root("busybox"), architecture, "bin/busybox");
  for (const name of ["bin", "dev", "etc", "proc", "sys", "tmp"]) {
    await mkdir(join(directory, name), { recursive: true });
  }
  await copyFile(program, join(directory, "bin/busybox"));
  for (const name of ["sh", "echo", "uname", "cat", "ls", "true", "false", "sleep", "id"]) {
    await symlink("busybox", join(directory, "bin", name));
  }
  return directory;
}
