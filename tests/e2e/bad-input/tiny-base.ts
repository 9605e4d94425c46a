import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeSampleLayout } from "../../engines/sample-image.ts";

const machines = [
  { platform: { os: "linux", architecture: "amd64" }, triplet: "x86_64-linux-gnu" },
  { platform: { os: "linux", architecture: "arm64" }, triplet: "aarch64-linux-gnu" },
] as const;

/**
 * A base image of a few kilobytes for linux/amd64 and linux/arm64, in which a build finds Python 3.11.2 and glibc
 * 2.36 as it finds them in real ones: by the strings in the files that carry them. Nothing in it can run.
 * Written with GNU tar, not with anyarch. @returns its location, "oci:DIR:1.0".
 */
export async function makeTinyBase(directory: string): Promise<string> {
  const images = machines.map(({ platform, triplet }) => {
    const root = join(directory, "roots", platform.architecture);
    const file = (path: string, text: string, mode = 0o755): void => {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text, { mode });
    };
    file("usr/bin/python3.11", "not a program\x003.11.2\x00");
    file(`lib/${triplet}/libc.so.6`, "not a library: GNU C Library stable release version 2.36.\x00");
    return { platform, root, config: { Env: ["PATH=/usr/local/bin:/usr/bin:/bin"] } };
  });
  const layout = join(directory, "layout");
  await writeSampleLayout(layout, images, "1.0");
  return `oci:${layout}:1.0`;
}
