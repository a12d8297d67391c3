/**
 * The log that deploy/prove/recorder.c writes: what a process asked of the kernel about one
 * directory, in order. The place of a record in the log is its time: whatever is said about "before"
 * and "after" is said with these indexes.
 */
import { readFileSync } from "node:fs";
import { assert } from "../../foundation/assert.js";

interface Placed {
  readonly index: number;
  readonly process: number;
}

interface Named extends Placed {
  /** Relative to the recorded directory; "." is the directory itself. */
  readonly name: string;
}

/** What changes which names a directory has. */
export type Naming =
  | (Named & { readonly kind: "created" | "unlinked" })
  | (Named & { readonly kind: "renamed" | "linked"; readonly to: string });

export type Wrote = Named & {
  readonly kind: "wrote";
  readonly offset: number;
  readonly bytes: Buffer;
};

/** Covers what had been asked for when the sync began, and nothing later. */
export type Synced = Named & {
  readonly kind: "synced" | "sync-failed";
  readonly isDirectory: boolean;
  readonly beganAt: number;
};

export type Operation =
  | Wrote
  | (Named & { readonly kind: "truncated"; readonly length: number })
  | Synced
  | Naming
  | (Named & { readonly kind: "made-directory" })
  | (Placed & {
      readonly kind: "received" | "sending";
      /** A connection; no other one has the same name. */
      readonly stream: string;
      readonly bytes: Buffer;
    })
  | (Placed & { readonly kind: "marked"; readonly text: string })
  /** A call that was made to fail, to lie, to wait or to be the last one. */
  | (Named & { readonly kind: "faulted" });

const magic = 0x4c50444b;
const headBytes = 48;
/** By their numbers in the recorder; 0 is none. */
const kinds = [
  "",
  "wrote",
  "truncated",
  "sync-began",
  "synced",
  "sync-failed",
  "created",
  "unlinked",
  "renamed",
  "linked",
  "made-directory",
  "received",
  "sending",
  "marked",
  "faulted",
] as const;

interface Head {
  readonly kind: (typeof kinds)[number];
  readonly isDirectory: boolean;
  readonly process: number;
  readonly stream: number;
  readonly offset: number;
  readonly pair: bigint;
  readonly name: string;
  readonly bytes: Buffer;
}

export function readOperationLog(file: string): readonly Operation[] {
  return parseOperations(readFileSync(file));
}

/** A record that the end of the log cuts was being written when the process was killed. */
export function parseOperations(log: Buffer): readonly Operation[] {
  const operations: Operation[] = [];
  const began = new Map<string, number>();
  for (let at = 0, index = 0; at + headBytes <= log.length; index++) {
    const head = headAt(log, at);
    if (head === undefined) break;
    at += headBytes + Buffer.byteLength(head.name) + head.bytes.length;
    const pair = `${String(head.process)}/${String(head.pair)}`;
    if (head.kind === "sync-began") began.set(pair, index);
    else operations.push(operationOf(head, index, began.get(pair) ?? 0));
  }
  return operations;
}

/**
 * The log of a disk that skips some of its syncs: what it is asked to sync so is as it was before,
 * and every record keeps its place. `isSkipped` sees each sync that succeeded, with the last write
 * to the same file before it.
 */
export function withoutSyncs(
  log: Buffer,
  isSkipped: (sync: Synced, write: Wrote | undefined) => boolean,
): Buffer {
  const changed = Buffer.from(log);
  const lastWrites = new Map<string, Wrote>();
  const began = new Map<string, { readonly index: number; readonly write: Wrote | undefined }>();
  for (let at = 0, index = 0; at + headBytes <= log.length; index++) {
    const head = headAt(log, at);
    if (head === undefined) break;
    const pair = `${String(head.process)}/${String(head.pair)}`;
    if (head.kind === "sync-began") began.set(pair, { index, write: lastWrites.get(head.name) });
    else {
      const begin = began.get(pair);
      const operation = operationOf(head, index, begin?.index ?? 0);
      if (operation.kind === "wrote") lastWrites.set(operation.name, operation);
      if (operation.kind === "synced" && isSkipped(operation, begin?.write)) {
        changed.writeUInt8(kinds.indexOf("faulted"), at + 4);
      }
    }
    at += headBytes + Buffer.byteLength(head.name) + head.bytes.length;
  }
  return changed;
}

function headAt(log: Buffer, at: number): Head | undefined {
  assert(log.readUInt32LE(at) === magic, `no record begins at byte ${String(at)} of the log`);
  const kind = kinds[log.readUInt8(at + 4)];
  assert(kind !== undefined && kind !== "", `the record at byte ${String(at)} has no known kind`);
  const bodyAt = at + headBytes + log.readUInt16LE(at + 6);
  const end = bodyAt + Number(log.readBigUInt64LE(at + 24));
  if (end > log.length) return undefined;
  return {
    kind,
    isDirectory: log.readUInt8(at + 5) === 1,
    process: log.readUInt32LE(at + 8),
    stream: log.readUInt32LE(at + 12),
    offset: Number(log.readBigUInt64LE(at + 16)),
    pair: log.readBigUInt64LE(at + 32),
    name: log.toString("utf8", at + headBytes, bodyAt),
    bytes: log.subarray(bodyAt, end),
  };
}

function operationOf(head: Head, index: number, beganAt: number): Operation {
  const { kind, name, process, bytes, offset, isDirectory } = head;
  const placed = { index, process };
  switch (kind) {
    case "wrote":
      return { kind, ...placed, name, offset, bytes };
    case "truncated":
      return { kind, ...placed, name, length: offset };
    case "synced":
    case "sync-failed":
      return { kind, ...placed, name, isDirectory, beganAt };
    case "created":
    case "unlinked":
    case "made-directory":
    case "faulted":
      return { kind, ...placed, name };
    case "renamed":
    case "linked":
      return { kind, ...placed, name, to: bytes.toString("utf8") };
    case "received":
    case "sending":
      return { kind, ...placed, stream: `${String(process)}/${String(head.stream)}`, bytes };
    case "marked":
      return { kind, ...placed, text: name };
    case "":
    case "sync-began":
      throw new Error("a begin of a sync is no operation of its own");
  }
}
