/**
 * BulkLoad: chunks that are atomic each and acknowledged in order. A few are on their way to the disk
 * at once, so that they share commits; the next is read from the client only when one of them is
 * done, and an acknowledgement waits until the client takes it.
 */
import { crc32c } from "../foundation/crc32c.js";
import { EngineError } from "../storage/errors.js";
import { bulkChunksInFlightMax } from "../storage/limits.js";
import type { Header, Namespace, Operation, RequestId } from "../storage/model.js";
import type { BulkLoadRequest, BulkLoadResponse, PutOperation } from "../wire/kvdb/v1/kv.js";
import type { KeyValue } from "../wire/kvdb/v1/types.js";
import { type Bidi, type CallContext, StatusError, type StreamWriter } from "./call.js";
import { decodeNamespace, decodeRequestId } from "./decode.js";
import { decodeBatchPut, RequestBudget } from "./decode-txn.js";
import { encodeHeader } from "./encode.js";
import type { EngineAccess } from "./engine-access.js";
import { invalid, withMetadata } from "./error-details.js";
import { OrderedQueue } from "./ordered-queue.js";
import { statusOfRefusal } from "./status.js";

/** A chunk that was handed to the engine. Never rejects: an unread rejection would end the process. */
interface Sent {
  readonly chunkId: bigint;
  readonly answer: Promise<Header | Error>;
}

export class BulkService {
  readonly #access: EngineAccess;

  constructor(access: EngineAccess) {
    this.#access = access;
  }

  readonly bulkLoad: Bidi<BulkLoadRequest, BulkLoadResponse> = async (requests, out, call) => {
    // One chunk is in the hands of the acknowledging side, the others wait.
    const sent = new OrderedQueue<Sent>(bulkChunksInFlightMax - 1);
    await Promise.all([this.#send(requests, sent, call), acknowledge(sent, out)]);
  };

  /** A chunk that is refused keeps its place: those before it are acknowledged, then the call ends. */
  async #send(
    requests: AsyncIterable<BulkLoadRequest>,
    sent: OrderedQueue<Sent>,
    call: CallContext,
  ): Promise<void> {
    let before: Chunk | undefined;
    let answer: Sent["answer"] | undefined;
    for await (const request of requests) {
      const chunk = decodeOrError(request, before, this.#access.current.caps.valueBytesMax);
      if (chunk instanceof Error) {
        await sent.push({ chunkId: request.chunkId, answer: Promise.resolve(chunk) });
        return;
      }
      answer = this.#commit(chunk, answer, call).catch(asError);
      await sent.push({ chunkId: chunk.id, answer });
      before = chunk;
    }
    sent.end();
  }

  async #commit(
    chunk: Chunk,
    before: Sent["answer"] | undefined,
    call: CallContext,
  ): Promise<Header> {
    if (chunk.puts.length === 0) {
      // Nothing to write, but its header must not be older than that of the chunk before.
      await before;
      return this.#access.current.head(chunk.namespace);
    }
    const { header } = await this.#access.commit(
      {
        namespace: chunk.namespace,
        principal: call.principal.name,
        requestId: chunk.requestId,
        body: { compares: [], success: chunk.puts, failure: [] },
      },
      call,
    );
    return header;
  }
}

interface Chunk {
  readonly id: bigint;
  readonly namespace: Namespace;
  readonly requestId: RequestId | undefined;
  readonly puts: readonly Operation[];
}

async function acknowledge(
  sent: OrderedQueue<Sent>,
  out: StreamWriter<BulkLoadResponse>,
): Promise<void> {
  for (let next = await sent.shift(); next !== undefined; next = await sent.shift()) {
    const answer = await next.answer;
    if (answer instanceof Error) throw withChunk(answer, next.chunkId);
    const wait = out.write({ header: encodeHeader(answer), chunkId: next.chunkId });
    if (wait !== undefined) await wait;
  }
}

function decodeOrError(
  request: BulkLoadRequest,
  before: Chunk | undefined,
  valueBytesMax: number,
): Chunk | Error {
  try {
    return decodeChunk(request, before, valueBytesMax);
  } catch (error) {
    return asError(error);
  }
}

function decodeChunk(
  request: BulkLoadRequest,
  before: Chunk | undefined,
  valueBytesMax: number,
): Chunk {
  if (before !== undefined && request.chunkId <= before.id) {
    throw invalid("ARGUMENT_INVALID", {
      field: "chunk_id",
      message: "chunk_id is not above that of the chunk before",
      hint: "number the chunks in ascending order",
    });
  }
  const { crc32c: expected } = request;
  if (expected !== undefined && checksumOf(request.kvs) !== expected) {
    throw invalid("CHECKSUM_MISMATCH", {
      field: "crc32c",
      message: "the chunk does not have the checksum that was sent with it",
      hint: "send the chunk again; see BulkLoadRequest.crc32c for what it covers",
    });
  }
  const budget = new RequestBudget(valueBytesMax);
  return {
    id: request.chunkId,
    namespace: namespaceOf(request, before),
    requestId: decodeRequestId(request.requestId),
    puts: request.kvs.map((kv, at) => decodeEntryPut(kv, budget, `kvs[${String(at)}]`)),
  };
}

/** The first chunk names the namespace for all. */
function namespaceOf(request: BulkLoadRequest, before: Chunk | undefined): Namespace {
  if (before === undefined) return decodeNamespace(request.namespace);
  if (request.namespace === "" || decodeNamespace(request.namespace) === before.namespace) {
    return before.namespace;
  }
  throw invalid("ARGUMENT_INVALID", {
    field: "namespace",
    message: "namespace differs from that of the first chunk",
    hint: "load each namespace over a stream of its own",
  });
}

/** Revisions and version are ignored, so that what a Scan returned can be loaded as it is. */
function decodeEntryPut(kv: KeyValue, budget: RequestBudget, field: string): Operation {
  const { key, value } = kv;
  return decodeBatchPut({ key, value, expiry: expiryOf(kv), returnPrevious: false }, budget, field);
}

/** An entry has at most one of the two. */
function expiryOf({ expireTime, leaseId }: KeyValue): PutOperation["expiry"] {
  if (leaseId !== 0n) return { $case: "leaseId", value: leaseId };
  return expireTime && { $case: "expireTime", value: expireTime };
}

/**
 * For each entry: length and bytes of the key, length and bytes of the value; lengths as u32le. In
 * one piece, because a call of the native checksum costs more than copying a small entry.
 */
export function checksumOf(kvs: readonly Pick<KeyValue, "key" | "value">[]): number {
  let length = 0;
  for (const { key, value } of kvs) length += 2 * lengthBytes + key.length + value.length;
  const content = Buffer.allocUnsafe(length);
  let at = 0;
  for (const { key, value } of kvs) {
    for (const part of [key, value]) {
      at = content.writeUInt32LE(part.length, at);
      content.set(part, at);
      at += part.length;
    }
  }
  return crc32c(content);
}

const lengthBytes = 4;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The client must know which chunk it was: others are on their way. */
function withChunk(error: Error, chunkId: bigint): Error {
  const status = error instanceof EngineError ? statusOfRefusal(error) : error;
  if (!(status instanceof StatusError)) return status;
  return withMetadata(status, { chunk_id: String(chunkId) });
}
