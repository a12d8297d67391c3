/**
 * Every bound of the store, once, with how the bounds relate. A bound that a setting may change
 * has its default, floor and ceiling here. Names end in the unit and "Max".
 */
import { assert } from "../foundation/assert.js";

/** The range of SQLite's integers, of row ids and revisions, and of what Increment counts. */
export const int64Min = -(2n ** 63n);
export const int64Max = 2n ** 63n - 1n;

export const namespaceCharactersMax = 63;
export const namespacesMax = 10_000;

export const keyBytesMax = 4 * 1024;
export const valueBytesDefault = 1024 * 1024;
export const valueBytesCeiling = 16 * 1024 * 1024;
export const requestIdBytesMax = 64;

/** Operations of one BatchWrite or Txn, keys of one BatchGet. */
export const batchOperationsMax = 10_000;
export const batchBytesMax = 8 * 1024 * 1024;
export const txnDepthMax = 3;
/** Keys one request may change, a DeleteRange above all: it is one log entry and one commit. */
export const changesPerRequestMax = 100_000;

export const pageRowsDefault = 1_000;
export const pageRowsMax = 10_000;
export const pageBytesMax = 1024 * 1024;
/** One message of a Scan; also what a paused reader costs in memory. */
export const scanPageRowsMax = 1_000;
export const scanPageBytesMax = 256 * 1024;
/** Beside other calls a scan rests after each page, and this long at most. */
export const scanRestMsMax = 20;

/** A message must hold the largest value, its key and the rest of the request. */
export const messageBytesDefault = 16 * 1024 * 1024;
export const messageOverheadBytes = 1024 * 1024;

/** What one group commit may carry. The first member is taken whatever its size. */
export const groupCommitRequestsMax = 4_096;
export const groupCommitBytesMax = 32 * 1024 * 1024;
/** When the first waiter is small, it is not made to wait for megabytes of others. */
export const groupCommitBytesWhenSmall = 1024 * 1024;
export const smallRequestBytesMax = 64 * 1024;

/** Writes that wait for the writer. Above it they are refused, before they wait. */
export const writeQueueRequestsDefault = 10_000;
export const writeQueueBytesMax = 64 * 1024 * 1024;
/** A request that would wait longer than this, by what groups take lately, is refused at once. */
export const writeQueueWaitMsMax = 250;

/** Point reads beyond this leave the event loop for a reader thread. */
export const mainThreadReadKeysMax = 64;
/** Values that one BatchGet may return together; a single key may always be read. */
export const batchReadBytesMax = 15 * 1024 * 1024;

/** The high-water mark is written at most this often; losses younger than it can go unnoticed. */
export const highWaterMarkMs = 200;

/** How much of a namespace's log stays unless it says otherwise. */
export const retentionMsDefault = 24 * 3_600_000;
export const retentionBytesDefault = 256 * 1024 * 1024;
export const retentionRevisionsDefault = 10_000_000;
/** How often the old end of every log is looked at, and how many of its entries at once. */
export const housekeepingMs = 10_000;
export const retentionLookAhead = 1_024;

/** Log entries, rows and pages that one slice of trimming, purging or vacuuming takes. */
export const trimEntriesPerSlice = 256;
export const trimBytesPerSlice = 4 * 1024 * 1024;
export const trimRowsPerSlice = 1_000;
export const purgeRowsPerSlice = 1_000;
export const vacuumPagesPerSlice = 256;

export const leasesPerNamespaceMax = 100_000;
/** They end together, as one log entry and one commit. */
export const leaseKeysMax = 100_000;
/** Leases whose number of keys the writer remembers. */
export const leaseCountsKept = 10_000;
export const leaseTtlMsMin = 1_000;
/** A hundred years: also the longest time to live of a key. */
export const ttlMsMax = 100 * 365 * 86_400_000;
/** Keys taken away by one commit of the sweeper, so that other writes are never held up for long. */
export const expiryKeysPerCommit = 500;
export const expiryLeasesPerCommit = 50;
/** The sweeper looks at least this often, so that it need not be told of each new lifetime. */
export const expiryRestMsMax = 1_000;

export const snapshotsMax = 128;
/** An active snapshot is cut after this long, whatever its reader does. */
export const snapshotLifetimeMsMax = 120_000;
/** Page cache of a snapshot's connection, and how many such connections a thread keeps for later. */
export const snapshotCacheBytes = 1024 * 1024;
export const snapshotConnectionsKept = 4;
/** Rows that have run out and are not swept yet, passed over in one turn of a reader thread. */
export const endedRowsPerRead = 10_000;
/** Rows that SQLite puts together for one page at a time; values are short there. */
export const packedRowsMax = 256;
export const readerThreadsMax = 16;
/** How far reader threads stand back from the event loop, in steps of the system's scheduler. */
export const readerThreadStepsBack = 5;
/** So many reader threads in a row that end before they have said anything, and no more are started. */
export const readerStartsMax = 5;
export const readQueueRequestsMax = 1_024;

/** Changes that wait for one watcher; beyond either it reads them from the log when it comes back. */
export const watchBufferBytesMax = 256 * 1024;
export const watchBufferBatchesMax = 1_024;
/** What a change costs in a buffer beside its key and value: objects and numbers. */
export const watchChangeOverheadBytes = 64;
/** Revisions are sent together up to here; a revision that is larger is sent alone, and whole. */
export const watchResponseBytesMax = 64 * 1024;
/** Read from the log at a time by a watcher that catches up; at least one entry, whatever its size. */
export const watchPageBytesMax = 256 * 1024;
/** Pages of the log that are read at once, so that a crowd that catches up leaves room for scans. */
export const watchPagesInFlightMax = 4;
/** A page that was lost with its reader thread is asked for again this often. */
export const watchPageTriesMax = 3;
/** A watcher that leaves changes waiting for this long is cut. */
export const watchBlockedMsMax = 30_000;
/** Watchers that are woken in one turn of the event loop, so that a crowd does not hold it up. */
export const watchersPerTurnMax = 64;
/** Replaced entries that are read for one watcher in one turn of the event loop. */
export const watchPreviousPerTurnMax = 500;
export const watchProgressMsMin = 100;
export const watchProgressMsMax = 3_600_000;

/** How long a request id is remembered, and how many; beyond the count new ids are refused. */
export const ledgerWindowMs = 10 * 60_000;
export const ledgerEntriesMax = 1_000_000;
/** A request with an id may not ask for more previous values than this: they are kept with the id. */
export const ledgerAnswerBytesMax = 1024 * 1024;
/** Ids forgotten per commit at most, so that forgetting never stalls a group. */
export const ledgerSweepRows = 1_024;

export const checkpointHistoryMax = 32;
export const passiveCheckpointFrames = 1_000;
export const walKeepBytes = 16 * 1024 * 1024;
export const walSoftLimitBytesDefault = 64 * 1024 * 1024;
export const walHardLimitBytesDefault = 512 * 1024 * 1024;
/** Pause after a checkpoint that came to nothing: doubling, from the first to the second. */
export const checkpointPauseMsMin = 1_000;
export const checkpointPauseMsMax = 30_000;
/** At the hard limit writes wait for the next attempt, so the pauses are short. */
export const checkpointPauseMsMinAtHardLimit = 100;
export const checkpointPauseMsMaxAtHardLimit = 1_000;
/** After this many runs in a row that our readers kept from finishing, new snapshots wait a moment. */
export const checkpointAttemptsBeforeHold = 10;
export const snapshotHoldMsMax = 100;
/** SQLite's own wait while a checkpoint asks for the write lock or for readers to end. */
export const checkpointBusyMsMax = 50;

/** Read at a time while start-up scans or rewrites a WAL, so that the event loop answers between. */
export const walScanChunkBytes = 1024 * 1024;
/** Doubtful WALs kept aside at start; a refused set of files is always kept. */
export const quarantineCopiesMax = 4;

/** Kept free for a full disk: a WAL between two passes, and a group that comes on top of it. */
export const diskReserveBytesDefault = 16 * 1024 * 1024;
/** The reserve takes at most this share of a file system: one part in so many. */
export const diskReserveShare = 16;
/** Written at a time while it is filled. */
export const diskReserveChunkBytes = 256 * 1024;
/** How often a full disk is looked at again. */
export const diskProbeMs = 1_000;
/** Room that must be there, beside the reserve, before writes are taken again. */
export const diskRoomToResumeMin = 256 * 1024;
/** What a start needs beside the room for moving the WAL: a first commit and small files. */
export const diskStartBytes = 128 * 1024;
/** Room that stays when the WAL has been moved: a start needs it, and a few small files. */
export const diskRoomKeptBytes = 2 * diskStartBytes;
/** With as much to spare, the room is measured this often and not before every commit. */
export const diskRoomAmpleBytes = 1024 * 1024 * 1024;
export const diskRoomTrustedMs = 250;
/** Pages of the database that a changed row and a commit touch at most, beside those of its value. */
export const walPagesPerRow = 2;
export const walPagesPerCommit = 32;
/** Pages of a slice while even the WAL that is there does not fit. */
export const vacuumPagesWhenTight = 16;
/** Slices of free pages that are given back between two looks at a full disk. */
export const vacuumSlicesPerRelief = 64;

/** What the scrubber reads at a time; nothing is held open between two slices. */
export const scrubSliceRowsMax = 256;
export const scrubSliceBytesMax = 256 * 1024;
/** It begins this long after a start at the latest, and keeps its place this often. */
export const scrubFirstMsMax = 30_000;
export const scrubPlaceKeptMs = 30_000;
/** A longer key of a damaged row is named by its hash alone. */
export const damagedKeyShownBytesMax = 256;
/** Damaged places that the log names, each once. */
export const damagedPlacesToldMax = 1_000;
/** Pages that are read to find the one that damage is on, and ranges of them that are named. */
export const damagePagesReadMax = 2_048;
export const damagePagesShownMax = 8;
export const integrityMessagesMax = 100;
/** Rows and bytes of one run of a checksum walk: nothing is held open between two runs. */
export const integrityRunRowsMax = 1_000;
export const integrityRunBytesMax = 8 * 1024 * 1024;
/** Page cache of a checking process. */
export const integrityCacheBytes = 8 * 1024 * 1024;
/** A check that is busy in SQLite is still heard of this often. */
export const integrityHeartbeatMs = 1_000;
export const eventBacklogMax = 1_024;

/** What may run at once in the whole server; above it a call is refused before it begins. */
export const concurrentUnaryCallsMax = 10_000;
export const concurrentStreamsMax = 4_096;
/** Encoded requests that are being worked on, all calls together. */
export const concurrentRequestBytesMax = 256 * 1024 * 1024;
/** Chunks of one BulkLoad that are being committed; the next is read when one is acknowledged. */
export const bulkChunksInFlightMax = 4;
/** Entries of one Pipeline that are being executed or wait to be answered. */
export const pipelineEntriesInFlightMax = 256;
/** A token is at most a key, a digest and a few numbers, in base64url. */
export const tokenCharactersMax = 8 * 1024;

/** Why a namespace is blocked, or a server drained, in UTF-8. */
export const blockReasonBytesMax = 256;

/** What a client that does not read may keep in memory per stream: this, and one message more. */
export const streamUnsentBytesMax = 1024 * 1024;
export const streamUnsentMessagesMax = 256;

/** What one connection may do, and how many there may be. */
export const connectionsMax = 10_000;
/** A thousand watches, and room for the other calls of a client that holds them. */
export const streamsPerConnectionMax = 1_100;
export const streamWindowBytes = 1024 * 1024;
export const connectionWindowBytes = 8 * 1024 * 1024;
/** Requests that one stream may have decoded ahead of its handler. */
export const streamMessagesAheadMax = 1;
export const keepaliveIntervalMs = 30_000;
export const keepaliveTimeoutMs = 10_000;
export const sessionMemoryMebibytesMax = 256;

/** Some clients refuse trailers above 8 KiB; base64 of all details must stay below. */
export const errorTextCharactersMax = 400;
export const errorMetadataBytesMax = 3 * 1024;
export const errorMetadataValueBytesMax = 2 * 1024;
export const retryDelayDefaultMs = 1_000;
export const retryDelayOverloadedMs = 200;

/** The parts of an orderly stop, within the 30 s that service managers usually grant. */
export const stopHttpMs = 1_000;
export const stopEngineMs = 18_000;
/** How often a slow start or stop asks the service manager for more time, and for how much. */
export const extendTimeoutMs = 20_000;
/** How long callers of a store that has latched may take to hear of it before the process ends. */
export const lastAnswersMs = 250;
/** A fatal exit that is stuck in a native call is ended by force after this long. */
export const exitForceMs = 5_000;
/** How long each part of a probe of the store may take. */
export const livenessProbeMs = 5_000;
/** How often the daemon looks whether the store answers and its pragmas still hold. */
export const storeProbeIntervalMs = 10_000;
export const pageTokenSecretBytes = 32;
export const eventLoopSampleMs = 1_000;
/** Namespaces with a series of their own in the metrics; the first ones by name. */
export const metricNamespacesMax = 100;

/** The command line tool reads a JSON array whole; above this it asks for JSON lines. */
export const jsonArrayFileBytesMax = 256 * 1024 * 1024;
/** A chunk of `kvdb load`: small enough that one sent again after a break costs little. */
export const loadChunkRowsDefault = 1_000;
export const loadChunkBytesMax = 1024 * 1024;

assert(valueBytesDefault <= valueBytesCeiling, "the default must be allowed");
assert(
  valueBytesCeiling + keyBytesMax <= groupCommitBytesMax,
  "the largest entry must fit in one group",
);
assert(batchBytesMax <= groupCommitBytesMax, "a batch must fit in one group");
assert(batchOperationsMax <= changesPerRequestMax, "a batch must be allowed its changes");
assert(leaseKeysMax <= changesPerRequestMax, "a lease must be allowed to end");
assert(groupCommitBytesMax <= writeQueueBytesMax, "the queue must be able to form a full group");
assert(valueBytesDefault + messageOverheadBytes <= messageBytesDefault, "a value fits a message");
assert(
  batchReadBytesMax + messageOverheadBytes <= messageBytesDefault,
  "what a batch reads fits a message",
);
assert(scanPageBytesMax <= pageBytesMax, "a streamed page is never larger than a listed one");
assert(watchResponseBytesMax <= watchBufferBytesMax, "a buffer holds a full response");
assert(
  watchPagesInFlightMax <= readQueueRequestsMax,
  "watchers that catch up must not fill the queue of reads",
);
assert(pageRowsDefault <= pageRowsMax, "the default page must be allowed");
assert(smallRequestBytesMax <= groupCommitBytesWhenSmall, "a small group holds a small request");
assert(walKeepBytes <= walSoftLimitBytesDefault, "the WAL is reused below the alarm");
assert(checkpointPauseMsMin <= checkpointPauseMsMax, "pauses grow");
assert(
  checkpointPauseMsMaxAtHardLimit <= checkpointPauseMsMin,
  "writes that wait are not made to wait longer than the ladder does at ease",
);
assert(walSoftLimitBytesDefault < walHardLimitBytesDefault, "the alarm comes before the refusal");
assert(
  connectionWindowBytes >= streamWindowBytes,
  "one stream alone must be able to use its whole window",
);
assert(
  concurrentRequestBytesMax >= valueBytesCeiling + messageOverheadBytes,
  "the largest request must be let in when the server is idle",
);
assert(
  errorMetadataValueBytesMax <= errorMetadataBytesMax,
  "one value must be allowed to use the room for values",
);
assert(lastAnswersMs < exitForceMs, "the last answers leave before the process is ended by force");
assert(loadChunkRowsDefault <= batchOperationsMax, "a chunk of a load is a batch");
assert(loadChunkBytesMax <= batchBytesMax, "a chunk of a load is a batch");
