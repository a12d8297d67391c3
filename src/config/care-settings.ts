/**
 * Rows of the table of settings for what the daemon does by itself to keep the store well: room for
 * a full disk, and looking for damage that nobody has read yet. Part of settings.ts.
 */
import type { SettingRow } from "./setting-row.js";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const tebibyte = 1024 * 1024 * mebibyte;

export const careSettings = {
  diskReserveBytes: {
    env: "KVDB_DISK_RESERVE_BYTES",
    group: "limits",
    kind: "integer",
    unit: "bytes",
    fallback: 16 * mebibyte,
    min: 64 * kibibyte,
    max: tebibyte,
    also: 0,
    doc:
      "Room kept in a file beside the database and given up when the disk is full, so that " +
      "checkpoints and deletes go on. At most a sixteenth of the file system. 0 keeps none.",
  },
} as const satisfies Readonly<Record<string, SettingRow>>;
