/**
 * How far the store had come, kept outside SQLite: a database that was replaced by an older copy, or
 * that lost its WAL, looks perfectly well to SQLite, and only this file knows that acknowledged
 * writes are missing. Two slots are written in turn, each whole and with its checksum; the newer
 * valid one counts. It only ever names commits that had returned, so it never cries wolf.
 *
 * A slot, 64 bytes, little-endian: magic "kvhw", u32 form, 16 bytes store id, u64 epoch, u64 commit
 * sequence, u64 wall ms, 12 bytes zero, u32 CRC-32C of all before it.
 */
import { constants } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { crc32c } from "../../foundation/crc32c.js";
import type { Epoch, StoreId } from "../../storage/model.js";
import { absentOnly, openErrorOf } from "./file-errors.js";

const slotBytes = 64;
const slotForm = 1;
const magic = 0x7768766b;

export interface Mark {
  readonly storeId: StoreId;
  readonly epoch: Epoch;
  /** The newest commit of the file that is known to have returned. */
  readonly commitSequence: bigint;
  readonly atMs: number;
}

/** Undefined when there is none, or none that can be read. Throws OpenError "io". */
export async function readMark(file: string): Promise<Mark | undefined> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readFile(file).catch(absentOnly);
  } catch (cause) {
    throw openErrorOf(cause, `reading ${file}`);
  }
  if (bytes === undefined) return undefined;
  const marks = [0, slotBytes].flatMap((at) => parseSlot(bytes.subarray(at, at + slotBytes)) ?? []);
  return marks.reduce<Mark | undefined>((newest, mark) => newerOf(newest, mark), undefined);
}

export class HighWaterMark {
  readonly #handle: FileHandle;
  #slot = 0;
  #closed = false;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens or makes the file, 0600. The caller syncs the directory. */
  static async open(file: string): Promise<HighWaterMark> {
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    return new HighWaterMark(handle);
  }

  /** On disk when it resolves. Calls must not overlap. Throws what the file system throws. */
  async write(mark: Mark): Promise<void> {
    if (this.#closed) return;
    const at = this.#slot * slotBytes;
    const { bytesWritten } = await this.#handle.write(slotOf(mark), 0, slotBytes, at);
    if (bytesWritten < slotBytes) throw noSpace();
    await this.#handle.datasync();
    // Only now: a slot that could not be written is tried again, the other one stays whole.
    this.#slot = 1 - this.#slot;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}

/** A write that was cut short says nothing; the next one would be refused like this. */
function noSpace(): Error {
  return Object.assign(new Error("ENOSPC: the mark was written in part"), { code: "ENOSPC" });
}

export function slotOf(mark: Mark): Uint8Array {
  const bytes = new Uint8Array(slotBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, slotForm, true);
  bytes.set(uuidBytes(mark.storeId), 8);
  view.setBigUint64(24, mark.epoch, true);
  view.setBigUint64(32, mark.commitSequence, true);
  view.setFloat64(40, mark.atMs, true);
  view.setUint32(60, crc32c(bytes.subarray(0, 60)), true);
  return bytes;
}

/** Undefined = torn, damaged or never written. */
export function parseSlot(bytes: Uint8Array): Mark | undefined {
  if (bytes.length < slotBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, slotBytes);
  if (view.getUint32(0, true) !== magic || view.getUint32(4, true) !== slotForm) return undefined;
  if (view.getUint32(60, true) !== crc32c(bytes.subarray(0, 60))) return undefined;
  return {
    storeId: uuidText(bytes.subarray(8, 24)) as StoreId,
    epoch: view.getBigUint64(24, true) as Epoch,
    commitSequence: view.getBigUint64(32, true),
    atMs: view.getFloat64(40, true),
  };
}

function newerOf(a: Mark | undefined, b: Mark): Mark {
  if (a === undefined || b.epoch > a.epoch) return b;
  return b.epoch === a.epoch && b.commitSequence > a.commitSequence ? b : a;
}

function uuidBytes(uuid: string): Uint8Array {
  return new Uint8Array(Buffer.from(uuid.replaceAll("-", ""), "hex"));
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...parts, hex.slice(20)].join("-");
}
