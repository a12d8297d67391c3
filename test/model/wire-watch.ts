/** A watch as its client reads it. */
import assert from "node:assert/strict";
import type { ClientReadableStream } from "@grpc/grpc-js";
import type * as wire from "../../src/wire/kvdb/v1/kv.js";
import { refusalOf } from "./refusals.js";

/** Reached only when an event is missing. */
export const watchPatienceMs = 30_000;

/** In the order of revisions, none of them split; ends when it is complete, or with a refusal. */
export async function readWatch(
  stream: ClientReadableStream<wire.WatchResponse>,
  wanted: bigint | undefined,
): Promise<unknown> {
  const seen: wire.WatchEvent[] = [];
  let through = 0n;
  let compactedRevision: bigint | undefined;
  const finished = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new assert.AssertionError({ message: `a watch waits for revision ${String(wanted)}` }),
      );
    }, watchPatienceMs);
    timer.unref();
    const finish = (): void => {
      if (wanted === undefined || through < wanted) return;
      stream.cancel();
      resolve();
    };
    stream.on("metadata", finish);
    stream.on("error", reject);
    stream.on("end", resolve);
    stream.on("data", (response: wire.WatchResponse) => {
      compactedRevision ??= response.compactedRevision;
      for (const event of response.events) {
        const revision = event.kv?.modRevision ?? 0n;
        if (revision <= through) reject(new Error(`revision ${revision} comes after ${through}`));
        seen.push(event);
      }
      through = response.header?.revision ?? 0n;
      finish();
    });
  });
  try {
    await finished;
    return seen;
  } catch (error) {
    const refusal = refusalOf(error);
    return compactedRevision === undefined ? refusal : { compactedRevision, ...refusal };
  }
}
