/**
 * The contract is one suite; a runner says where it is put to the test. Cases know the client and
 * nothing of what stands behind it.
 */
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
