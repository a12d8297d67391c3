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
  scrubBytesPerSecond: {
    env: "KVDB_SCRUB_BYTES_PER_SECOND",
    group: "durability",
    kind: "integer",
    unit: "bytes",
    fallback: 4 * mebibyte,
    min: 4 * kibibyte,
    max: 1024 * mebibyte,
    also: 0,
    inProduction: [
      { value: "0", rule: "warned", risk: "damage is noticed only when somebody reads it" },
    ],
    doc:
      "How fast the scrubber walks over everything stored, checking each row and its index. 4 MiB " +
      "are 10 GB in 42 minutes. 0 switches it off.",
  },
  scrubCpuPercent: {
    env: "KVDB_SCRUB_CPU_PERCENT",
    group: "durability",
    kind: "integer",
    unit: "percent",
    fallback: 5,
    min: 1,
    max: 100,
    doc: "The share of one processor that the scrubber may take; it is slower when this is used up.",
  },
  scrubIntervalMs: {
    env: "KVDB_SCRUB_INTERVAL_MS",
    group: "durability",
    kind: "integer",
    unit: "ms",
    fallback: 6 * 3_600_000,
    min: 1_000,
    max: 2_147_483_647,
    doc: "From the start of one pass of the scrubber to that of the next; a slower pass takes longer.",
  },
} as const satisfies Readonly<Record<string, SettingRow>>;
