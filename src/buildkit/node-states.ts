import type { Candidate } from "./dockerfile-plan.ts";

/** What the platforms of one build know of the nodes that they share. */
export class NodeStates {
  readonly #running = new Map<string, number>();
  readonly #lost = new Set<string>();

  /** Counts as something that the node has to do. */
  async during<T>(node: string, work: () => Promise<T>): Promise<T> {
    this.#running.set(node, this.#load(node) + 1);
    try {
      return await work();
    } finally {
      this.#running.set(node, this.#load(node) - 1);
    }
  }

  lose(node: string): void {
    this.#lost.add(node);
  }

  /**
   * The candidate to try: the first whose node isn't lost, or an equal one (of the same placement) on a node that has
   * less to do. A lost node is tried where there is nothing else. Undefined where none is left.
   */
  choose(left: readonly Candidate[]): Candidate | undefined {
    const there = left.filter(({ node }) => !this.#lost.has(node));
    const [first] = there;
    if (first === undefined) return left[0];
    return there
      .filter(({ placement }) => placement === first.placement)
      .reduce((best, one) => (this.#load(one.node) < this.#load(best.node) ? one : best), first);
  }

  #load(node: string): number {
    return this.#running.get(node) ?? 0;
  }
}
