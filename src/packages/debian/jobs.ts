import { type FetchedIndex, reduceFetchedIndex } from "./reduce-index.ts";
import { unpackDeb } from "./unpacked-deb.ts";

/** What keeps a core busy for long, and needs nothing but its own data: plain, to be sent to a thread. */
export type DebianJob =
  | { readonly kind: "unpack"; readonly path: string; readonly name: string; readonly folder: string }
  | { readonly kind: "index"; readonly index: FetchedIndex };

/** The reduced index; nothing for a package, which lies in its folder afterwards. Throws what the work throws. */
export async function doJob(job: DebianJob): Promise<Uint8Array> {
  if (job.kind === "index") return reduceFetchedIndex(job.index);
  await unpackDeb(job.path, job.name, job.folder);
  return new Uint8Array();
}
