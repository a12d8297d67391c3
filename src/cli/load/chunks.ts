/** Entries in chunks that depend on nothing but the entries, so that a chunk's number names it. */
import type { BulkChunk, BulkEntry } from "../../client/index.js";

export interface ChunkBounds {
  readonly rowsMax: number;
  /** Of keys and values. A chunk has at least one entry, whatever its size. */
  readonly bytesMax: number;
}

/** Chunk 1 is the first; those up to `after` are read but left out. */
export async function* chunksOf(
  entries: AsyncIterable<BulkEntry> | Iterable<BulkEntry>,
  { rowsMax, bytesMax }: ChunkBounds,
  after: bigint,
): AsyncGenerator<BulkChunk, void, undefined> {
  let id = 1n;
  let chunk: BulkEntry[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    const size = entry.key.length + entry.value.length;
    if (chunk.length > 0 && (chunk.length >= rowsMax || bytes + size > bytesMax)) {
      if (id > after) yield { id, entries: chunk };
      id += 1n;
      chunk = [];
      bytes = 0;
    }
    chunk.push(entry);
    bytes += size;
  }
  if (chunk.length > 0 && id > after) yield { id, entries: chunk };
}
