/**
 * The contract is one suite; a runner says where it is put to the test. Cases know the client and
 * nothing of what stands behind it.
 */
import { after } from "node:test";
import type { Ending } from "../support/temp-directory.js";
import type { ContractClient } from "./client.js";

export interface TargetOptions {
  readonly namespaceAutoCreate?: boolean;
  readonly valueBytesMax?: number;
}

export interface Target {
  readonly client: ContractClient;
  /** Where it listens, for cases that speak HTTP/2 themselves. */
  readonly address: string;
}

export interface Runner {
  readonly name: string;
  /** A server with an empty store, gone at the end. */
  start(ending: Ending, options?: TargetOptions): Promise<Target>;
}

/** One server for all cases of a suite, started when the first one asks. */
export function startOnce(runner: Runner, options?: TargetOptions): () => Promise<Target> {
  const endings: (() => void | Promise<void>)[] = [];
  let target: Promise<Target> | undefined;
  // Last in, first out: a client is closed before its server, and a server before its directory.
  after(async () => {
    for (const end of endings.reverse()) await end();
  });
  return () => {
    target ??= runner.start({ after: (end) => endings.push(end) }, options);
    return target;
  };
}

/** A name of its own for each case, so that cases cannot see each other's keys. */
export function freshNamespaces(): () => string {
  let made = 0;
  return () => {
    made++;
    return `case-${String(made)}`;
  };
}
