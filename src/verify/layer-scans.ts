import { availableParallelism } from "node:os";
import { Limiter } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Layer } from "../image/layer.ts";
import { ProbeMemory } from "./content-probe.ts";
import type { LayerScan } from "./layer-scan.ts";
import { scanLayer } from "./scan-layer.ts";

/**
 * Layers read at a time, where the caller doesn't say. zlib decompresses on threads of its own while this one hashes
 * and looks into files: with two layers neither waits for the other, and further ones only help to hide a network.
 */
const defaultJobs = Math.min(4, Math.max(2, availableParallelism()));

export interface LayerScansOptions {
  /** As {@link scanLayer} takes it. */
  readonly deep?: boolean;
  /** Layers read at a time. */
  readonly jobs?: number;
}

/** The layers of one or several images, each read once however many of them have it, a few at a time. */
export class LayerScans {
  readonly #deep: boolean;
  readonly #limiter: Limiter;
  readonly #memory = new ProbeMemory();
  readonly #scans = new Map<string, Promise<LayerScan>>();

  constructor(options: LayerScansOptions = {}) {
    this.#deep = options.deep ?? false;
    this.#limiter = new Limiter(options.jobs ?? defaultJobs);
  }

  /** As {@link scanLayer}. `onProgress` hears of nothing where the layer was asked for before. */
  scan(layer: Layer, ctx: Context, onProgress: (current: number) => void): Promise<LayerScan> {
    const { digest, size, mediaType } = layer.descriptor;
    const key = `${digest} ${size} ${mediaType}`;
    let scan = this.#scans.get(key);
    if (scan === undefined) {
      scan = this.#limiter.run(async () => {
        ctx.signal.throwIfAborted();
        return scanLayer(layer, ctx, { deep: this.#deep, memory: this.#memory, onProgress });
      });
      this.#scans.set(key, scan);
    }
    return scan;
  }
}
