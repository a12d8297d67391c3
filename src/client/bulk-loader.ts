/**
 * A bulk load that outlives its connection: chunks that were sent and not acknowledged are kept and
 * sent again, with the same request ids, when the server is back.
 */
import { status } from "@grpc/grpc-js";
import { sleep } from "../foundation/clock.js";
import { crc32c } from "../foundation/crc32c.js";
import type { BulkLoadRequest, BulkLoadResponse, DeepPartial } from "../wire/kvdb/v1/kv.js";
import { bulkChunksInFlightMax } from "./client-limits.js";
import type { KvClient } from "./kv-client.js";
import { KvError } from "./kv-error.js";
import { nextDelayMs } from "./retry.js";

export interface BulkEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly expireTime?: { readonly seconds: bigint; readonly nanos: number };
}

export interface BulkChunk {
  /** Above that of the chunk before. */
  readonly id: bigint;
  readonly entries: readonly BulkEntry[];
}

export interface BulkLoadOptions {
  readonly namespace: string;
  /** Names the load: with the same name, a chunk that arrived already is not written twice. */
  readonly loadId: string;
  readonly signal?: AbortSignal;
  /** Told of every break that is going to be mended. */
  readonly onBreak?: (error: KvError, delayMs: number) => void;
}

/** What the contract calls the checksum of a chunk's content. */
export function chunkChecksum(entries: readonly BulkEntry[]): number {
  let checksum = 0;
  const length = new DataView(new ArrayBuffer(4));
  for (const { key, value } of entries) {
    for (const part of [key, value]) {
      length.setUint32(0, part.length, true);
      checksum = crc32c(part, crc32c(new Uint8Array(length.buffer), checksum));
    }
  }
  return checksum;
}

/**
 * Yields each acknowledgement, in the order of the chunks; the chunk is then on the server's disk.
 * Fails when a chunk is refused, or when the server stays away for longer than the retry budget.
 */
export async function* bulkLoad(
  client: KvClient,
  chunks: AsyncIterable<BulkChunk>,
  options: BulkLoadOptions,
): AsyncGenerator<BulkLoadResponse, void, undefined> {
  const { clock, random, retry } = client.context;
  const source = chunks[Symbol.asyncIterator]();
  const unacknowledged = new Unacknowledged();
  let failedSinceMs: number | undefined;
  try {
    for (let attempts = 1; ; attempts++) {
      try {
        const outgoing = requests(source, unacknowledged, options);
        const { signal } = options;
        for await (const answer of client.kv.bulkLoad(outgoing, signal && { signal })) {
          attempts = 1;
          failedSinceMs = undefined;
          unacknowledged.settle(answer.chunkId);
          yield answer;
        }
        if (unacknowledged.count === 0) return;
        throw new KvError({ code: status.INTERNAL, message: "the server left chunks unanswered" });
      } catch (cause) {
        // What the source throws is not about the server.
        if (!(cause instanceof KvError)) throw cause;
        const error = cause;
        failedSinceMs ??= clock.monotonicMs();
        const elapsedMs = clock.monotonicMs() - failedSinceMs;
        const progress = { attempts, elapsedMs, policy: retry };
        // Every chunk carries a request id, so sending it again is safe whatever became of it.
        const delayMs = nextDelayMs(error, "with-request-id", progress, random);
        if (delayMs === undefined || options.signal?.aborted === true) throw error;
        options.onBreak?.(error, delayMs);
        await sleep(clock, delayMs);
      } finally {
        unacknowledged.rewind();
      }
    }
  } finally {
    await source.return?.();
  }
}

async function* requests(
  source: AsyncIterator<BulkChunk>,
  unacknowledged: Unacknowledged,
  { namespace, loadId }: BulkLoadOptions,
): AsyncGenerator<DeepPartial<BulkLoadRequest>, void, undefined> {
  const round = unacknowledged.round;
  for (;;) {
    // A stream that has ended must not take a chunk that its successor is to send.
    if (!(await unacknowledged.room()) || round !== unacknowledged.round) return;
    if (unacknowledged.unsent() === undefined) await take(source, unacknowledged);
    const chunk = unacknowledged.unsent();
    if (chunk === undefined || round !== unacknowledged.round) return;
    unacknowledged.markSent();
    yield {
      namespace,
      requestId: `${loadId}-${String(chunk.id)}`,
      chunkId: chunk.id,
      kvs: [...chunk.entries],
      crc32c: chunkChecksum(chunk.entries),
    };
  }
}

/**
 * Kept before anything else: a connection that ended meanwhile has no use for the chunk, but its
 * successor, which asked the source after it, has.
 */
async function take(
  source: AsyncIterator<BulkChunk>,
  unacknowledged: Unacknowledged,
): Promise<void> {
  const next = await source.next();
  if (next.done !== true) unacknowledged.add(next.value);
}

/** Chunks between being read and being acknowledged, in order, and how many of them were sent. */
class Unacknowledged {
  /** Grows with each connection; what an older one still does is told by it. */
  round = 0;
  readonly #chunks: BulkChunk[] = [];
  #sent = 0;
  #waiting: ((open: boolean) => void) | undefined;

  add(chunk: BulkChunk): void {
    this.#chunks.push(chunk);
  }

  unsent(): BulkChunk | undefined {
    return this.#chunks[this.#sent];
  }

  markSent(): void {
    this.#sent += 1;
  }

  get count(): number {
    return this.#chunks.length;
  }

  /** An acknowledgement stands for its chunk and for all before it. */
  settle(id: bigint): void {
    while (this.#chunks[0] !== undefined && this.#chunks[0].id <= id) {
      this.#chunks.shift();
      this.#sent -= 1;
    }
    this.#wake(true);
  }

  /** Everything not acknowledged is to be sent again. */
  rewind(): void {
    this.round += 1;
    this.#sent = 0;
    this.#wake(false);
  }

  /** Resolves when one more may be sent; with false when the connection has ended. */
  async room(): Promise<boolean> {
    if (this.#sent < bulkChunksInFlightMax) return true;
    return await new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #wake(open: boolean): void {
    this.#waiting?.(open);
    this.#waiting = undefined;
  }
}
