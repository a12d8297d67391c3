/**
 * Whether an answer ever left before the commit that it promises was synced. In the log of a daemon
 * there is for each write: the first page of the WAL that carries its request id, the frame that
 * ends that transaction, the sync that covers the frame, and the bytes that carry the answer. They
 * must come in this order.
 */
import { requestIdIn } from "../load/prove-load.js";
import { exchangesOf } from "./http2-messages.js";
import type { Operation } from "./operation-log.js";

export interface OrderFinding {
  readonly requestId: string;
  readonly reason: string;
}

export interface OrderReport {
  /** Answered writes whose whole way was followed. */
  readonly followed: number;
  readonly violations: readonly OrderFinding[];
}

const walSuffix = "-wal";
const frameHeaderBytes = 24;
/** In a frame's header: the size of the database after the commit; 0 = the transaction goes on. */
const databasePagesAt = 4;

export function checkAcknowledgementOrder(operations: readonly Operation[]): OrderReport {
  const wal = walOf(operations);
  const violations: OrderFinding[] = [];
  let followed = 0;
  for (const { request, answeredAt } of exchangesOf(operations)) {
    const requestId = requestIdIn(request);
    const writtenAt = requestId === undefined ? undefined : wal.firstWrites.get(requestId);
    // What never reached the WAL has changed nothing: a deletion of nothing, for example.
    if (requestId === undefined || writtenAt === undefined || answeredAt === undefined) continue;
    followed++;
    const reason = problemBetween(wal, writtenAt, answeredAt);
    if (reason !== undefined) violations.push({ requestId, reason });
  }
  return { followed, violations };
}

interface WalEvents {
  /** Where each request id appears for the first time. */
  readonly firstWrites: ReadonlyMap<string, number>;
  /** The last write of each transaction, in order. */
  readonly commits: readonly number[];
  readonly syncs: readonly { readonly beganAt: number; readonly endedAt: number }[];
}

function walOf(operations: readonly Operation[]): WalEvents {
  const firstWrites = new Map<string, number>();
  const commits: number[] = [];
  const syncs: { beganAt: number; endedAt: number }[] = [];
  // SQLite writes a frame's header first and its page next: the page is what must be covered.
  let endsTransaction = false;
  for (const operation of operations) {
    if (operation.kind === "synced" && operation.name.endsWith(walSuffix)) {
      syncs.push({ beganAt: operation.beganAt, endedAt: operation.index });
    }
    if (operation.kind !== "wrote" || !operation.name.endsWith(walSuffix)) continue;
    const { bytes, index } = operation;
    if (bytes.length === frameHeaderBytes) {
      endsTransaction = bytes.readUInt32BE(databasePagesAt) !== 0;
      continue;
    }
    if (endsTransaction) commits.push(index);
    endsTransaction = false;
    for (const [id] of bytes.toString("latin1").matchAll(/op-\d{8}/g)) {
      if (!firstWrites.has(id)) firstWrites.set(id, index);
    }
  }
  return { firstWrites, commits, syncs };
}

function problemBetween(
  { commits, syncs }: WalEvents,
  writtenAt: number,
  answeredAt: number,
): string | undefined {
  if (writtenAt > answeredAt) return "the answer left before the write had reached the WAL";
  const committedAt = commits.find((at) => at >= writtenAt);
  if (committedAt === undefined || committedAt > answeredAt) {
    return "the answer left before the commit was written";
  }
  const synced = syncs.some(({ beganAt, endedAt }) => {
    return beganAt > committedAt && endedAt < answeredAt;
  });
  return synced ? undefined : "the answer left before the commit was synced";
}
