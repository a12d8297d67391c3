/** What the main thread asks of a reader thread, one sentence per message. */
import type { ConnectionReading } from "../../storage/maintenance.js";
import type { Namespace, Revision } from "../../storage/model.js";
import type { AtRevision, PageRead } from "../../storage/storage-engine.js";
import type { EngineOptions } from "../engine-options.js";
import type { LogPage } from "../log/log-reader.js";
import type { Rows } from "./page-of-rows.js";

export interface ReaderStart {
  readonly options: EngineOptions;
  readonly name: string;
}

export type ToReader =
  /** Many keys from one snapshot. */
  | {
      readonly kind: "points";
      readonly namespace: Namespace;
      /** See packed-keys.ts: a thousand arrays would cost more to hand over than to read. */
      readonly keys: Uint8Array<ArrayBuffer>;
      /**
       * The others are known already, as they are at this head: while it is the head, these are all
       * that is wanted.
       */
      readonly missing: { readonly head: Revision; readonly places: Uint32Array } | undefined;
      readonly keysOnly: boolean;
      readonly at: AtRevision;
      readonly nowMs: number;
    }
  /** One page from a snapshot of its own. */
  | {
      readonly kind: "page";
      readonly namespace: Namespace;
      readonly read: PageRead;
      readonly nowMs: number;
    }
  /** Hold a snapshot under this id until it is closed. */
  | { readonly kind: "open-snapshot"; readonly id: number; readonly namespace: Namespace }
  /** The next page of a snapshot. */
  | {
      readonly kind: "snapshot-page";
      readonly id: number;
      readonly read: PageRead;
      readonly nowMs: number;
    }
  /** Let the snapshot go; an id that is not open is no error. */
  | { readonly kind: "close-snapshot"; readonly id: number }
  /** Entries of the log, from the one that holds `from`. */
  | {
      readonly kind: "log-page";
      readonly namespace: Namespace;
      readonly from: Revision;
      readonly bytesMax: number;
    }
  /** Read every pragma back on every connection of this thread. */
  | { readonly kind: "attest" }
  /** Close every connection. */
  | { readonly kind: "close" };

/** Unasked: a read failed once and was right the second time. */
export interface FromReader {
  readonly kind: "repeated";
  readonly code: string;
}

export interface PointsReply {
  /** Undefined = the namespace does not exist. */
  readonly head: Revision | undefined;
  /** See storage/packed-entries.ts. */
  readonly packed: Uint8Array<ArrayBuffer>;
  /** True: those that were missing, the others stand as they are known. False: all of them. */
  readonly missingOnly: boolean;
}

export interface PageReply extends Rows {
  /** Undefined = the namespace does not exist. */
  readonly head: Revision | undefined;
}

export interface ReaderReplies {
  readonly points: PointsReply;
  readonly page: PageReply;
  readonly "open-snapshot": { readonly head: Revision | undefined };
  readonly "snapshot-page": PageReply;
  readonly "close-snapshot": true;
  readonly "log-page": LogPage;
  readonly attest: readonly ConnectionReading[];
  readonly close: true;
}
