import { MessageChannel, type MessagePort } from "node:worker_threads";

interface Transferable {
  /** Node.js 22 and later: gives the memory to a new buffer, here of no length. */
  readonly transfer?: (length: number) => ArrayBuffer;
}

/** Other runtimes may do otherwise what is told below of zlib. */
const isNode = process.versions["bun"] === undefined && process.versions["deno"] === undefined;

let nowhere: MessagePort | undefined;

/**
 * Gives the memory behind bytes back at once, all of it: nobody may need or write any of it any more. Who looks at it
 * afterwards finds nothing.
 * The garbage collector would let hundreds of MiB of such buffers gather, or run so often that it takes a fifth of
 * the time, and each new buffer would come with pages that the kernel clears first.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const memory = bytes.buffer as ArrayBuffer & Transferable;
  // Small buffers share a pool.
  if (!isNode || memory.byteLength <= Buffer.poolSize) return;
  if (memory.transfer !== undefined) memory.transfer(0);
  else {
    nowhere ??= closedPort();
    nowhere.postMessage(undefined, [memory]);
  }
}

/** What is handed over to a port whose other end is closed is freed: the only way of Node.js 20. */
function closedPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  port2.close();
  return port1;
}
