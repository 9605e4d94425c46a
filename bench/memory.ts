import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makeTinyBase } from "../tests/e2e/bad-input/tiny-base.ts";
import { anyarch, ownEnvironment } from "./anyarch.ts";
import { measure, type Sample } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";

/** What the largest process may hold while it packs a file of 2 GB. */
const limitMiB = 200;

function writeApplication(directory: string, megabytes: number): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "main.py"), "");
  const fd = openSync(join(directory, "large.bin"), "w");
  try {
    // Longer than any window: it doesn't compress.
    const block = randomBytes(16 << 20);
    for (let left = megabytes * 1e6; left > 0; left -= block.length)
      writeSync(fd, block, 0, Math.min(block.length, left));
  } finally {
    closeSync(fd);
  }
  return directory;
}

/** Peak memory of builds whose application holds a small and a large file. */
export async function benchMemory(place: string): Promise<Table[]> {
  const base = await makeTinyBase(join(place, "base"));
  const samples: Record<string, Sample[]> = {};
  for (const megabytes of [20, 2_000]) {
    const application = writeApplication(join(place, `application-${megabytes}`), megabytes);
    const output = `oci:${join(place, `layout-${megabytes}`)}`;
    const command = [...anyarch, "build", application, "--base-image", base, "--platform", "linux/amd64"];
    const env = ownEnvironment(join(place, `own-${megabytes}`));
    samples[`a file of ${megabytes} MB`] = [
      await measure([...command, "--output", output, "--quiet"], { cwd: place, env }),
    ];
  }
  const [large] = samples["a file of 2000 MB"] ?? [];
  const peak = large?.peakMiB;
  const verdict =
    peak === undefined
      ? "The peak isn't known: GNU time is missing."
      : `Peak ${peak.toFixed(0)} MiB: ${peak < limitMiB ? "within" : "ABOVE"} the limit of ${limitMiB} MiB.`;
  return [makeTable("Memory of a build into a layout", "a file of 20 MB", samples, [verdict])];
}
