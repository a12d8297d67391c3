/** What a daemon of a test holds in memory, without what it has let go of. */
import type { Daemon } from "./spawn-daemon.js";
import { waitFor } from "./wait.js";

/** Stands before the figure on the daemon's standard error. */
export const heldBytesMark = "held bytes: ";

const program = new URL("./held-memory-process.js", import.meta.url).href;

/** For NODE_OPTIONS of a daemon that is to be asked. */
export const heldMemoryOption = `--import "${program}"`;

/** Heap and buffers of its main thread, collected before they are counted. */
export async function heldBytes(daemon: Daemon, pid: number): Promise<number> {
  const figures = (): string[] => daemon.stderr.filter((line) => line.startsWith(heldBytesMark));
  const before = figures().length;
  process.kill(pid, "SIGUSR2");
  const figure = await waitFor("a figure of the memory", () => figures()[before]);
  return Number(figure.slice(heldBytesMark.length));
}
