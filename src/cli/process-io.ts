/** The process around the tool: its streams, its terminal, and the two ways of being told to stop. */
import type { OutputStreams } from "./output.js";

export interface ProcessIo extends OutputStreams {
  readonly input: () => AsyncIterable<Uint8Array>;
  /** Aborted by the first Ctrl-C or TERM, and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
  /** True once stdout's reader has gone, as `head` does: no error, there is just no more to say. */
  readonly readerGone: () => boolean;
  /** Gives the signals back to the system, and lets go of standard input. */
  readonly close: () => void;
}

export function processIo(): ProcessIo {
  const stopping = new AbortController();
  let readerGone = false;
  let inputOpened = false;
  // The second signal is not ours any more and ends the process at once.
  const stop = (): void => {
    stopping.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const failed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") throw error;
    readerGone = true;
    stopping.abort();
  };
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // Any other failure is told by the write that met it.
    if (error.code === "EPIPE") failed(error);
  });
  process.stderr.on("error", failed);
  return {
    write: (data) => {
      if (readerGone) return Promise.resolve();
      return new Promise((resolve, reject) => {
        process.stdout.write(data, (error: NodeJS.ErrnoException | null | undefined) => {
          if (error && error.code !== "EPIPE") reject(error);
          else resolve();
        });
      });
    },
    note: (text) => {
      process.stderr.write(text);
    },
    isTerminal: process.stdout.isTTY,
    noteColumns: process.stderr.isTTY ? process.stderr.columns : undefined,
    input: () => {
      inputOpened = true;
      return process.stdin as AsyncIterable<Uint8Array>;
    },
    signal: stopping.signal,
    readerGone: () => readerGone,
    close: () => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.removeListener(signal, stop);
      // Input that nobody reads to its end would keep the process alive.
      if (inputOpened) process.stdin.destroy();
    },
  };
}
