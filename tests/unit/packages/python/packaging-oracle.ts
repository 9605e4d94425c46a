import { execFileSync, spawnSync } from "node:child_process";

/** True where the packaging library that pip brings can be asked. */
export const hasPackaging =
  spawnSync("python3", ["-c", "import pip._vendor.packaging.tags"], { stdio: "ignore" }).status === 0;

/** Runs Python source that reads JSON from stdin as `data` and sets `result`, which is returned. */
export function askPackaging(source: string, data: unknown): unknown {
  const program = `import json, sys\ndata = json.load(sys.stdin)\n${source}\njson.dump(result, sys.stdout)`;
  const output = execFileSync("python3", ["-W", "ignore", "-c", program], {
    input: JSON.stringify(data),
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  return JSON.parse(output);
}
