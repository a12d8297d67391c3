/** Waiting in tests: for a condition, with a bound that is only reached when something is broken. */
const patienceMs = 30_000;
const pauseMs = 10;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves with the first answer that is not undefined; rejects, naming the wait, when none comes. */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  boundMs: number = patienceMs,
): Promise<T> {
  const giveUpAt = performance.now() + boundMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUpAt) {
      throw new Error(`waited ${String(boundMs)} ms in vain for ${what}`);
    }
    await pause(pauseMs);
  }
}
