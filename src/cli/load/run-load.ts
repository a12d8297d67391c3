/** One load from a source into a namespace, with its progress shown and remembered. */
import { type BulkChunk, bulkLoad, type KvClient, type KvError } from "../../client/index.js";
import type { Clock } from "../../foundation/clock.js";
import { loadChunkBytesMax } from "../../storage/limits.js";
import { showDuration } from "../durations.js";
import type { Output } from "../output.js";
import { ProgressLine } from "../progress-line.js";
import { chunksOf } from "./chunks.js";
import type { LoadProgress, ProgressFile } from "./progress-file.js";
import { progressText } from "./progress-text.js";
import type { RowSource } from "./row-source.js";

export interface LoadPlan {
  readonly client: KvClient;
  readonly source: RowSource;
  readonly namespace: string;
  readonly chunkRows: number;
  readonly from: LoadProgress;
  /** Undefined: progress is not remembered. */
  readonly file: ProgressFile | undefined;
  readonly out: Output;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Asked after every acknowledgement, with more chunks on their way; true ends the load there. */
  readonly stopAfter?: (progress: LoadProgress) => Promise<boolean>;
}

export interface LoadResult extends LoadProgress {
  /** Rows of this run. */
  readonly runRows: number;
  readonly runMs: number;
  /** How often the connection was lost and found again. */
  readonly breaks: number;
}

/** How often the file is written at most; a chunk written again after a crash does no harm. */
const rememberMs = 500;

export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const { client, source, clock, file, from, signal, namespace } = plan;
  const beganMs = clock.monotonicMs();
  const line = new ProgressLine(plan.out, clock);
  const rowsOfChunk = new Map<bigint, number>();
  const bounds = { rowsMax: plan.chunkRows, bytesMax: loadChunkBytesMax };
  const chunks = counted(chunksOf(source.entries(), bounds, from.acknowledgedChunk), rowsOfChunk);
  let progress = from;
  let runRows = 0;
  let breaks = 0;
  let rememberedMs = beganMs;
  const onBreak = (error: KvError, delayMs: number): void => {
    breaks += 1;
    line.end(`connection lost (${error.message}); trying again in ${showDuration(delayMs)}`);
  };
  try {
    const options = { namespace, loadId: from.loadId, signal, onBreak };
    for await (const { chunkId } of bulkLoad(client, chunks, options)) {
      // An acknowledgement stands for all chunks before it too.
      for (const [id, rows] of rowsOfChunk) {
        if (id > chunkId) break;
        rowsOfChunk.delete(id);
        runRows += rows;
      }
      const acknowledgedRows = from.acknowledgedRows + runRows;
      progress = { loadId: from.loadId, acknowledgedChunk: chunkId, acknowledgedRows };
      const nowMs = clock.monotonicMs();
      const counts = {
        rows: acknowledgedRows,
        rowsTotal: source.rows,
        runRows,
        runMs: nowMs - beganMs,
      };
      line.show((columns) => progressText(counts, columns));
      if (nowMs - rememberedMs >= rememberMs) {
        file?.write(progress);
        rememberedMs = nowMs;
      }
      if ((await plan.stopAfter?.(progress)) === true) break;
    }
  } catch (error) {
    if (progress.acknowledgedChunk > 0n) file?.write(progress);
    throw error;
  } finally {
    line.end();
  }
  return { ...progress, runRows, runMs: clock.monotonicMs() - beganMs, breaks };
}

async function* counted(
  chunks: AsyncIterable<BulkChunk>,
  rowsOfChunk: Map<bigint, number>,
): AsyncGenerator<BulkChunk, void, undefined> {
  for await (const chunk of chunks) {
    rowsOfChunk.set(chunk.id, chunk.entries.length);
    yield chunk;
  }
}
