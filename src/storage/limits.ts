/**
 * Every bound of the store, once, with how the bounds relate. A bound that a setting may change
 * has its default, floor and ceiling here. Names end in the unit and "Max".
 */
import { assert } from "../foundation/assert.js";

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

/** Point reads beyond this leave the event loop for a reader thread. */
export const mainThreadReadKeysMax = 64;
export const mainThreadReadBytesMax = 256 * 1024;

export const snapshotsMax = 128;
/** An active snapshot is cut after this long, whatever its reader does. */
export const snapshotLifetimeMsMax = 120_000;
export const readerThreadsMax = 16;
export const readQueueRequestsMax = 1_024;

/** How long a request id is remembered, and how many; beyond the count new ids are refused. */
export const ledgerWindowMs = 10 * 60_000;
export const ledgerEntriesMax = 1_000_000;
/** A recorded answer above this keeps no previous values. */
export const ledgerAnswerBytesMax = 64 * 1024;
/** Requests whose age is looked at per commit, so that forgetting never stalls a group. */
export const ledgerSweepRows = 256;

export const checkpointHistoryMax = 32;
export const passiveCheckpointFrames = 1_000;
export const walKeepBytes = 16 * 1024 * 1024;
export const walSoftLimitBytesDefault = 64 * 1024 * 1024;
export const walHardLimitBytesDefault = 512 * 1024 * 1024;
/** SQLite's own wait while a checkpoint asks for the write lock or for readers to end. */
export const checkpointBusyMsMax = 50;

export const integrityMessagesMax = 100;
export const eventBacklogMax = 1_024;

assert(valueBytesDefault <= valueBytesCeiling, "the default must be allowed");
assert(
  valueBytesCeiling + keyBytesMax <= groupCommitBytesMax,
  "the largest entry must fit in one group",
);
assert(batchBytesMax <= groupCommitBytesMax, "a batch must fit in one group");
assert(batchOperationsMax <= changesPerRequestMax, "a batch must be allowed its changes");
assert(groupCommitBytesMax <= writeQueueBytesMax, "the queue must be able to form a full group");
assert(valueBytesDefault + messageOverheadBytes <= messageBytesDefault, "a value fits a message");
assert(scanPageBytesMax <= pageBytesMax, "a streamed page is never larger than a listed one");
assert(pageRowsDefault <= pageRowsMax, "the default page must be allowed");
assert(smallRequestBytesMax <= groupCommitBytesWhenSmall, "a small group holds a small request");
assert(walKeepBytes <= walSoftLimitBytesDefault, "the WAL is reused below the alarm");
assert(walSoftLimitBytesDefault < walHardLimitBytesDefault, "the alarm comes before the refusal");
