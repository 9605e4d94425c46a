import { fileURLToPath } from "node:url";

/** What buildctl 0.26 wrote with `--progress=rawjson`, in tests/data/buildkit. */
export function recorded(name: string): string {
  return fileURLToPath(new URL(`../../data/buildkit/${name}`, import.meta.url));
}
