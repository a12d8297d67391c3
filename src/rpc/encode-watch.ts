/** Changes as watchers see them on the wire. */
import type { Change, ChangeCause } from "../storage/log-entry.js";
import type { Entry, Revision } from "../storage/model.js";
import type { WatchBatch } from "../storage/storage-engine.js";
import { DeleteReason, EventType, type WatchEvent } from "../wire/kvdb/v1/kv.js";
import type { KeyValue } from "../wire/kvdb/v1/types.js";
import { encodeEntry, encodeOptionalEntry } from "./encode.js";

const deleteReasons = {
  client: DeleteReason.DELETE_REASON_CLIENT,
  expired: DeleteReason.DELETE_REASON_EXPIRED,
  "lease-revoked": DeleteReason.DELETE_REASON_LEASE_REVOKED,
  "lease-expired": DeleteReason.DELETE_REASON_LEASE_EXPIRED,
} as const satisfies Record<ChangeCause, DeleteReason>;

const noValue = new Uint8Array(0);

/** In the order of revisions, within one in the order of keys. */
export function encodeBatches(batches: readonly WatchBatch[]): WatchEvent[] {
  return batches.flatMap(({ revision, changes, previous }) =>
    changes.map((change, at) => encodeChange(revision, change, previous[at])),
  );
}

function encodeChange(revision: Revision, change: Change, previous: Entry | undefined): WatchEvent {
  const prevKv = encodeOptionalEntry(previous);
  const { key, value } = change;
  if (value === null) {
    const type = EventType.EVENT_TYPE_DELETE;
    return { type, reason: deleteReasons[change.cause], kv: tombstone(key, revision), prevKv };
  }
  return {
    type: EventType.EVENT_TYPE_PUT,
    reason: DeleteReason.DELETE_REASON_UNSPECIFIED,
    kv: encodeEntry({ ...change, value, modRevision: revision }),
    prevKv,
  };
}

/** The key, and in mod_revision the revision that deleted it; everything else is empty. */
function tombstone(key: Uint8Array, revision: Revision): KeyValue {
  return {
    key,
    value: noValue,
    createRevision: 0n,
    modRevision: revision,
    version: 0n,
    expireTime: undefined,
    leaseId: 0n,
  };
}
