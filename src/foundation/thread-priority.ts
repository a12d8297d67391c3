/** Threads that do long work stand back from the one that answers: the event loop. */
import { getPriority, setPriority } from "node:os";

/** Of the system's scheduler: the lowest there is. */
const niceMax = 19;

/**
 * Called in the thread that is to stand back, by so many steps of the system's scheduler. Only Linux
 * knows priorities of threads: elsewhere it would be the whole process, and nothing happens. False =
 * it stays as it was, because the system forbids it; everything works all the same.
 */
export function standBack(steps: number): boolean {
  if (process.platform !== "linux") return false;
  try {
    setPriority(Math.min(getPriority() + steps, niceMax));
    return true;
  } catch {
    // A sandbox may take the call away. What is lost is a preference between our own threads.
    return false;
  }
}
