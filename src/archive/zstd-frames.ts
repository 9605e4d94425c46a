import { ByteSource } from "./byte-source.ts";

/** Throws for what isn't a sequence of Zstandard frames; the caller names the archive. */
export class MalformedZstd extends Error {}

const magic = 0xfd2fb528;

/**
 * Cuts a Zstandard file into its frames (RFC 8878, section 3.1), each as an async iterable of chunks that has to
 * be read to its end before the next is asked for. Skippable frames are passed over. Node's own decompressor
 * stops after the first frame, and files of several are common.
 */
export async function* zstdFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<AsyncGenerator<Uint8Array>, void, undefined> {
  const input = new ByteSource(source);
  try {
    for (;;) {
      const start = Buffer.from(await input.take(4));
      if (start.byteLength === 0 && input.position > 0) return;
      if (start.byteLength < 4) throw new MalformedZstd("a frame is cut off");
      const number = start.readUInt32LE(0);
      if (number === magic) yield frame(input, start);
      else if (number >>> 4 === 0x184d2a5) await skipFrame(input);
      else throw new MalformedZstd(`no frame begins at byte ${input.position - 4}`);
    }
  } finally {
    await input.close();
  }
}

async function skipFrame(input: ByteSource): Promise<void> {
  const field = Buffer.from(await input.take(4));
  const size = field.byteLength < 4 ? Number.POSITIVE_INFINITY : field.readUInt32LE(0);
  if ((await input.skip(size)) < size) throw new MalformedZstd("a skippable frame is cut off");
}

/** Bytes to gather before they are passed on: each chunk costs a decompressor one trip through the thread pool. */
const batchSize = 128 << 10;

async function* frame(input: ByteSource, start: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  let parts = [start];
  let gathered = 0;
  const take = async (count: number): Promise<Uint8Array> => {
    const bytes = await input.take(count);
    if (bytes.byteLength < count) throw new MalformedZstd("a frame is cut off");
    parts.push(bytes);
    gathered += count;
    return bytes;
  };
  const flags = (await take(1))[0] as number;
  const singleSegment = (flags & 0x20) !== 0;
  const contentSizeFlag = flags >>> 6;
  const contentSizeBytes = contentSizeFlag === 0 ? Number(singleSegment) : 1 << contentSizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] as number;
  await take(Number(!singleSegment) + dictionaryBytes + contentSizeBytes);
  for (let last = false; !last;) {
    const header = await take(3);
    const value = (header[0] as number) | ((header[1] as number) << 8) | ((header[2] as number) << 16);
    last = (value & 1) !== 0;
    const isRunLength = ((value >>> 1) & 3) === 1;
    await take(isRunLength ? 1 : value >>> 3);
    if (gathered < batchSize) continue;
    yield Buffer.concat(parts);
    parts = [];
    gathered = 0;
  }
  if ((flags & 4) !== 0) await take(4);
  yield Buffer.concat(parts);
}
