/**
 * One checksum for rows, log entries and bulk chunks: CRC-32C (Castagnoli). Native, because a
 * 1 MiB value would otherwise stop its thread for 0.8 ms instead of 0.2 ms; the figures and what
 * was rejected are in docs/decisions/0017-crc32c-implementation.md.
 */
import { createRequire } from "node:module";
import type * as Crc32 from "@node-rs/crc32";

// Required and not imported: an import of CommonJS parses its source for names, in every thread.
const { crc32c: nativeCrc32c } = createRequire(import.meta.url)("@node-rs/crc32") as typeof Crc32;

/**
 * The unsigned CRC-32C of the bytes. The seed is the checksum of what came before, so that
 * `crc32c(b, crc32c(a))` is the checksum of a followed by b.
 */
export function crc32c(bytes: Uint8Array, seed: number = 0): number {
  return nativeCrc32c(bytes, seed);
}
