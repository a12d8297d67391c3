/** What the main thread and the writer thread say to each other, one sentence per message. */

import type { Refusal } from "../../storage/errors.js";
import type { CheckpointMode, ConnectionReading } from "../../storage/maintenance.js";
import type { Epoch, Namespace, Revision, StoreId } from "../../storage/model.js";
import type { NamespaceSettings } from "../../storage/namespaces.js";
import type { EngineOptions } from "../engine-options.js";
import type { AppendedEntry } from "../log/local-log.js";
import type { RawCheckpoint, WalGauge } from "../sqlite/raw-checkpoint.js";

/** What the thread opens and how; plain data. It comes with the message that opens, because the thread is started before anybody has looked at the files. */
export interface WriterStart {
  readonly options: EngineOptions;
  readonly walFile: string;
  readonly reserveFile: string;
  /** Where the armed failpoints of this process begin anew. */
  readonly failpoints: string;
  /** The last start found WAL residue: count it. */
  readonly recovered: boolean;
  /** What the database must at least hold; undefined = nothing is known. */
  readonly expected:
    | { readonly storeId: StoreId; readonly epoch: Epoch; readonly commitSequence: bigint }
    | undefined;
}

export type ToWriter =
  /** Open the file, recover it, write the new epoch; the answer makes the store usable. */
  | { readonly kind: "open"; readonly start: WriterStart; readonly nowMs: number }
  /** Decide, log, apply and sync these requests together, except the skipped ones. */
  | {
      readonly kind: "commit-group";
      readonly requests: Uint8Array<ArrayBuffer>;
      readonly count: number;
      /** Indexes of requests whose callers have gone; ascending. */
      readonly skip: readonly number[];
      /** Wall time of the main thread's clock: all threads live in one time. */
      readonly nowMs: number;
    }
  /** Move frames from the WAL into the database, between two groups. */
  | { readonly kind: "checkpoint"; readonly mode: CheckpointMode }
  /** Make a namespace, or say that it exists. */
  | {
      readonly kind: "create-namespace";
      readonly name: Namespace;
      readonly settings: Partial<NamespaceSettings>;
      readonly nowMs: number;
    }
  /** Change settings, the others stay as they are. */
  | {
      readonly kind: "update-namespace";
      readonly name: Namespace;
      readonly settings: Partial<NamespaceSettings>;
      readonly nowMs: number;
    }
  /** Take the name away at once; what stood under it is purged in slices. */
  | { readonly kind: "delete-namespace"; readonly name: Namespace; readonly nowMs: number }
  /** Remove a slice of what deleted namespaces have left. */
  | { readonly kind: "purge-slice"; readonly nowMs: number }
  /** Cut a slice off the old end of a namespace's log and history. */
  | {
      readonly kind: "trim-slice";
      readonly name: Namespace;
      readonly upTo: Revision;
      readonly nowMs: number;
    }
  /** Give free pages back to the file system. */
  | { readonly kind: "vacuum-slice"; readonly nowMs: number; readonly pagesMax?: number }
  /** Commit a transaction of its own, to see whether the disk takes one. */
  | { readonly kind: "probe-write"; readonly nowMs: number }
  /** Remember that an integrity check failed. */
  | { readonly kind: "count-integrity-failure"; readonly nowMs: number }
  /** Read every pragma back, on this connection, after a statement. */
  | { readonly kind: "attest" }
  /** Answer with the present gauge, so that a probe knows the thread lives. */
  | { readonly kind: "ping" }
  /** Close the connection; the final checkpoint was asked for before. Answers the last commit. */
  | { readonly kind: "close" };

export interface Opened {
  readonly storeId: StoreId;
  readonly nodeId: string;
  readonly epoch: Epoch;
  readonly recoveries: number;
  readonly integrityFailures: number;
  readonly commitSequence: bigint;
  /** The highest wall time any commit has seen. */
  readonly timeFloorMs: number;
  readonly formatFrom: number;
  /** Acknowledged commits that are gone, accepted by the operator. */
  readonly lost: { readonly from: bigint; readonly to: bigint } | undefined;
  readonly checkpoint: RawCheckpoint;
  readonly reading: ConnectionReading;
  readonly sqliteVersion: string;
  readonly compileOptions: readonly string[];
}

export type GroupReply =
  /** Durable. The outcomes answer the callers; the entries are what caches and watchers are told. */
  | {
      readonly kind: "done";
      readonly outcomes: Uint8Array<ArrayBuffer>;
      readonly entries: readonly AppendedEntry[];
      readonly gauge: WalGauge;
      /** Of the commit that has just returned. */
      readonly commitSequence: bigint;
      readonly durationMs: number;
    }
  /** Nothing happened: another process holds the file. The requests come back to be tried again. */
  | { readonly kind: "busy"; readonly requests: Uint8Array<ArrayBuffer>; readonly code: string }
  /** Nothing happened: the disk has no room. */
  | { readonly kind: "disk-full"; readonly code: string }
  /** This group's fate is unknown, and nothing after it will be tried. */
  | { readonly kind: "latched"; readonly fault: LatchedFault };

export interface LatchedFault {
  readonly kind: "io" | "damaged";
  readonly code: string;
  readonly message: string;
  /** False: the group had not reached its COMMIT, so it did not happen. */
  readonly outcomeUnknown: boolean;
}

export interface CheckpointReply {
  readonly raw: RawCheckpoint;
  /** Set when the pass met a fault after which nothing more is done. */
  readonly fault: LatchedFault | undefined;
}

/** Slices: true = nothing is left to do. The rest: true. */
export type AdminReply =
  | { readonly kind: "done"; readonly finished: boolean }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "latched"; readonly fault: LatchedFault };

export interface WriterReplies {
  readonly open: Opened;
  readonly "commit-group": GroupReply;
  readonly checkpoint: CheckpointReply;
  readonly "create-namespace": AdminReply;
  readonly "update-namespace": AdminReply;
  readonly "delete-namespace": AdminReply;
  readonly "purge-slice": AdminReply;
  readonly "trim-slice": AdminReply;
  readonly "vacuum-slice": AdminReply;
  readonly "probe-write": AdminReply;
  readonly "count-integrity-failure": AdminReply;
  readonly attest: ConnectionReading;
  readonly ping: WalGauge;
  readonly close: { readonly commitSequence: bigint };
  readonly [kind: string]: unknown;
}
