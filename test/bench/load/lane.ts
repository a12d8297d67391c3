/** One connection to a server, in the words of a benchmark: keys by their number. */
export type Done = (failure: string | undefined) => void;

export interface Lane {
  /**
   * Sends one request for these keys and checks the answer. For a scan the two numbers are the first
   * key and the number of keys.
   */
  ask(indices: readonly number[], done: Done): void;
  close(): void;
}

/** The lane's work does not exist on that server; a plan that asks for it is wrong. */
export function noSuchWork(server: string, work: string): Error {
  return new Error(`${server} has no fair form of "${work}"`);
}
