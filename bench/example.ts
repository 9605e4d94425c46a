import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { machines, prepareExample } from "../tests/e2e/example-service.ts";
import { anyarch, ownEnvironment } from "./anyarch.ts";
import { interleave, measure } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";

/** examples/api for three platforms on Debian packages: the first build, later ones, and the proof of the result. */
export async function benchExample(place: string, rounds: number): Promise<Table[]> {
  const own = join(place, "own");
  const env = ownEnvironment(own);
  const cache = env["ANYARCH_CACHE_DIR"] ?? "";
  mkdirSync(join(own, "home"), { recursive: true });
  const api = prepareExample("api", join(place, "api"));
  const layout = join(place, "layout");
  const command = [...anyarch, "build", api, "--platform", Object.keys(machines).join(","), "--quiet"];
  const build = (): ReturnType<typeof measure> =>
    measure([...command, "--output", `oci:${layout}`], { cwd: place, env });
  const forget = (...parts: string[]): void => {
    for (const part of parts) rmSync(join(cache, part), { recursive: true, force: true });
    rmSync(layout, { recursive: true, force: true });
  };
  const made = ["blobs", "layers", "verify", "content"];
  const cases = {
    "nothing remembered": () => {
      forget(...made, "debian", "python");
      rmSync(join(api, "anyarch.lock"), { force: true });
      return build();
    },
    "packages at hand, layers anew": () => {
      forget(...made);
      return build();
    },
    "nothing changed": () => build(),
  };
  // In this order each time: the later ones use what the first has left.
  const samples: Record<string, Awaited<ReturnType<typeof build>>[]> = {};
  for (let round = 0; round <= Math.min(rounds, 5); round++) {
    for (const [name, run] of Object.entries(cases)) {
      const sample = await run();
      if (round > 0) (samples[name] ??= []).push(sample);
    }
  }
  return [
    makeTable("examples/api for three platforms into a layout", "nothing changed", samples),
    await benchVerify(layout, join(place, "verify"), rounds),
  ];
}

/** Layers of a layout that gzip can decompress: by their first bytes. */
function gzipBlobs(layout: string): string[] {
  const directory = join(layout, "blobs/sha256");
  return readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((path) =>
      readFileSync(path)
        .subarray(0, 2)
        .equals(Buffer.from([0x1f, 0x8b])),
    );
}

async function benchVerify(layout: string, place: string, rounds: number): Promise<Table> {
  const blobs = gzipBlobs(layout);
  const env = ownEnvironment(place);
  mkdirSync(join(place, "home"), { recursive: true });
  const verify = (): ReturnType<typeof measure> =>
    measure([...anyarch, "verify", layout, "--quiet"], { cwd: place, env });
  const read =
    'const {createReadStream}=require("fs");const {createGunzip}=require("zlib");const {Writable}=require("stream");const {pipeline}=require("stream/promises");' +
    "(async()=>{for(const path of process.argv.slice(1))await pipeline(createReadStream(path,{highWaterMark:1<<20}),createGunzip({chunkSize:1<<18}),new Writable({write:(_c,_e,done)=>done()}))})()";
  const samples = await interleave(
    {
      "anyarch verify": () => {
        rmSync(join(place, "cache"), { recursive: true, force: true });
        return verify();
      },
      "anyarch verify, again": verify,
      "gzip -dc": () => measure(["/bin/sh", "-c", 'gzip -dc "$@" >/dev/null', "sh", ...blobs]),
      "Node.js, zlib": () => measure([process.execPath, "-e", read, "--", ...blobs]),
    },
    rounds,
  );
  return makeTable("Verify that image, or only decompress its layers", "Node.js, zlib", samples);
}
