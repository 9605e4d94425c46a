export interface Stoppable extends AsyncDisposable {
  /** Ends everything that was started; again is fine. */
  stop(): Promise<void>;
}

/**
 * Makes a fixture of several parts: what `make` hands to `own` ends with the fixture, last first, and at once when
 * `make` throws. (AsyncDisposableStack, which Node.js 20 lacks.)
 */
export async function withCleanup<T extends object>(
  make: (own: <R extends AsyncDisposable>(resource: R) => R) => Promise<T>,
): Promise<T & Stoppable> {
  const owned: AsyncDisposable[] = [];
  const stop = async (): Promise<void> => {
    for (let resource = owned.pop(); resource !== undefined; resource = owned.pop()) {
      await resource[Symbol.asyncDispose]();
    }
  };
  try {
    const made = await make((resource) => {
      owned.push(resource);
      return resource;
    });
    return { ...made, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
