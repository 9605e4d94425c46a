import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { anyarch, ownEnvironment } from "./anyarch.ts";
import { makeLayeredImage } from "./layered-image.ts";
import { interleave, measure, type Sample } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";

/** What `verify` may take, as a multiple of decompressing the layers once in Node.js, and hold. */
const limitRatio = 1.3;
const limitMiB = 200;

/** Decompresses files one after the other as fast as Node.js's streams can; with `hash`, both digests are computed, too. */
const decompress = (hash: boolean): string => `
const {createReadStream}=require("fs"),{createGunzip}=require("zlib"),{createHash}=require("crypto"),{Writable}=require("stream"),{pipeline}=require("stream/promises");
(async()=>{for(const path of process.argv.slice(1)){
  const blob=createHash("sha256"),tar=createHash("sha256"),source=createReadStream(path,{highWaterMark:1<<20});
  if(${hash})source.on("data",(chunk)=>blob.update(chunk));
  await pipeline(source,createGunzip({chunkSize:1<<18}),new Writable({highWaterMark:1<<22,write(chunk,_,done){if(${hash})tar.update(chunk);done()}}));
}})()`;

/** `anyarch verify` of an image of 20,000 files and 1 GB, beside merely decompressing its layers. */
export async function benchVerify(place: string, rounds: number): Promise<Table[]> {
  const { layout, blobs, files, bytes } = await makeLayeredImage(join(place, "image"));
  const own = join(place, "own");
  const env = ownEnvironment(own);
  mkdirSync(join(own, "home"), { recursive: true });
  const verify = (): Promise<Sample> =>
    measure([...anyarch, "verify", `oci:${layout}`, "--quiet"], { cwd: place, env });
  const baseline = "Node.js, decompress";
  const samples = await interleave(
    {
      [baseline]: () => measure([process.execPath, "-e", decompress(false), "--", ...blobs]),
      "Node.js, decompress and hash": () =>
        measure([process.execPath, "-e", decompress(true), "--", ...blobs]),
      "gzip -dc": () => measure(["/bin/sh", "-c", 'gzip -dc "$@" >/dev/null', "sh", ...blobs]),
      "anyarch verify, nothing remembered": () => {
        rmSync(join(own, "cache"), { recursive: true, force: true });
        return verify();
      },
      "anyarch verify, again": verify,
    },
    rounds,
  );
  const table = makeTable(`Verify ${files} files, ${(bytes / 1e9).toFixed(2)} GB`, baseline, samples);
  const cold = table.rows.find(({ name }) => name === "anyarch verify, nothing remembered");
  const good = cold !== undefined && cold.ratio <= limitRatio && (cold.peakMiB ?? 0) <= limitMiB;
  const verdict = `${good ? "Within" : "OUTSIDE"} the limits (${limitRatio} × decompressing once, ${limitMiB} MiB).`;
  return [{ ...table, notes: [verdict] }];
}
