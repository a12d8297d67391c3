/**
 * The contract is one suite; a runner says where it is put to the test. Cases know the client and
 * nothing of what stands behind it.
 */
import { after, describe, test } from "node:test";
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
function startOnce(runner: Runner, options?: TargetOptions): () => Promise<Target> {
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

/** What a case gets: a client, and a namespace that no other case uses. */
export interface Bench extends Target {
  readonly namespace: string;
}

/** A case's name says what the server does. */
export type Cases = Readonly<Record<string, (bench: Bench) => Promise<void>>>;

export function runCases(
  runner: Runner,
  title: string,
  cases: Cases,
  options?: TargetOptions,
): void {
  describe(`${title}, ${runner.name}`, () => {
    const target = startOnce(runner, options);
    for (const [at, [name, run]] of Object.entries(cases).entries()) {
      test(name, async () => {
        await run({ ...(await target()), namespace: `case-${String(at)}` });
      });
    }
  });
}
