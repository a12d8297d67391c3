/** KvService, one request and one answer at a time: decode, ask the engine, encode. */
import { batchOperationsMax } from "../storage/limits.js";
import type { TxnBody } from "../storage/model.js";
import type { StorageEngine } from "../storage/storage-engine.js";
import type {
  BatchGetRequest,
  BatchGetResponse,
  BatchWriteRequest,
  BatchWriteResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  DeleteRequest,
  DeleteResponse,
  GetRequest,
  GetResponse,
  IncrementRequest,
  IncrementResponse,
  PutRequest,
  PutResponse,
  RenameRequest,
  RenameResponse,
  TxnRequest,
  TxnResponse,
} from "../wire/kvdb/v1/kv.js";
import type { CallContext, Unary } from "./call.js";
import { conditionalBody, requireSucceeded } from "./conditions.js";
import {
  decodeKey,
  decodeKeys,
  decodeNamespace,
  decodeOwnKey,
  decodeRange,
  decodeRequestId,
  decodeRevision,
} from "./decode.js";
import { decodePut, decodeTxnBody, decodeWrites, RequestBudget } from "./decode-txn.js";
import {
  encodeEntry,
  encodeHeader,
  encodeOptionalEntry,
  encodeTxnResult,
  encodeWriteResults,
} from "./encode.js";
import type { Committed, EngineAccess } from "./engine-access.js";
import { invalid } from "./error-details.js";
import { onlyResult } from "./only-result.js";
import { BatchGetAnswer, GetAnswer, HeaderBytes } from "./read-answers.js";

export class KvService {
  readonly #access: EngineAccess;
  readonly #messageBytesMax: number;
  readonly #headers = new HeaderBytes();

  constructor(access: EngineAccess, limits: { readonly messageBytesMax: number }) {
    this.#access = access;
    this.#messageBytesMax = limits.messageBytesMax;
  }

  readonly get: Unary<GetRequest, GetResponse> = (request, call) => {
    const namespace = decodeNamespace(request.namespace);
    const read = {
      keys: [decodeKey(request.key)],
      at: decodeRevision(request.revision),
      keysOnly: request.keysOnly,
    };
    const found = this.#access.current.get(namespace, read, call);
    // Not awaited: a point read answers at once, and a promise would cost more than the read.
    if (found instanceof Promise) return found.then((late) => this.#found(late));
    return this.#found(found);
  };

  readonly batchGet: Unary<BatchGetRequest, BatchGetResponse> = async (request, call) => {
    const namespace = decodeNamespace(request.namespace);
    const { keysOnly } = request;
    const at = decodeRevision(request.revision);
    if (request.keys.length > batchOperationsMax) throw tooManyKeys(request.keys.length);
    const keys = decodeKeys(request.keys);
    if (keys.length === 0) {
      return { header: encodeHeader(await this.#access.current.head(namespace)), entries: [] };
    }
    const found = await this.#access.current.get(namespace, { keys, at, keysOnly }, call);
    const answer = new BatchGetAnswer(found, this.#headers);
    requireFits(answer.encodedLength, this.#messageBytesMax);
    return answer;
  };

  readonly put: Unary<PutRequest, PutResponse> = async (request, call) => {
    const put = decodePut(request, this.#budget());
    const body = conditionalBody(request.condition, put.key, put);
    const { header, value } = await this.#write(request, body, call);
    requireSucceeded(request.condition, value);
    const { previous } = onlyResult(value.responses, "put");
    return { header: encodeHeader(header), previous: encodeOptionalEntry(previous) };
  };

  readonly delete: Unary<DeleteRequest, DeleteResponse> = async (request, call) => {
    const key = decodeOwnKey(request.key);
    const { returnPrevious } = request;
    const body = conditionalBody(request.condition, key, {
      kind: "delete",
      span: { kind: "key", key },
      returnPrevious,
    });
    const { header, value } = await this.#write(request, body, call);
    requireSucceeded(request.condition, value);
    const { count, previous } = onlyResult(value.responses, "deleted");
    return {
      header: encodeHeader(header),
      deleted: count > 0,
      previous: encodeOptionalEntry(previous),
    };
  };

  readonly deleteRange: Unary<DeleteRangeRequest, DeleteRangeResponse> = async (request, call) => {
    const range = decodeRange(request.range);
    const span = { kind: "range", range } as const;
    const body = single({ kind: "delete", span, returnPrevious: false });
    const { header, value } = await this.#write(request, body, call);
    return {
      header: encodeHeader(header),
      deletedCount: onlyResult(value.responses, "deleted").count,
    };
  };

  readonly rename: Unary<RenameRequest, RenameResponse> = async (request, call) => {
    const from = decodeOwnKey(request.key);
    const to = decodeOwnKey(request.newKey, "new_key");
    if (Buffer.compare(from, to) === 0) throw renameToItself();
    const body = single({ kind: "rename", from, to, overwrite: request.overwrite });
    const { header, value } = await this.#write(request, body, call);
    const { entry } = onlyResult(value.responses, "renamed");
    return { header: encodeHeader(header), kv: entry && encodeEntry(entry) };
  };

  readonly increment: Unary<IncrementRequest, IncrementResponse> = async (request, call) => {
    const key = decodeOwnKey(request.key);
    const { delta, initial } = request;
    const body = single({ kind: "increment", key, delta, initial });
    const { header, value } = await this.#write(request, body, call);
    return {
      header: encodeHeader(header),
      value: onlyResult(value.responses, "incremented").value,
    };
  };

  readonly txn: Unary<TxnRequest, TxnResponse> = async (request, call) => {
    const body = decodeTxnBody(request, this.#budget());
    const { header, value } = await this.#write(request, body, call);
    return { header: encodeHeader(header), ...encodeTxnResult(body, value) };
  };

  readonly batchWrite: Unary<BatchWriteRequest, BatchWriteResponse> = async (request, call) => {
    const success = decodeWrites(request.ops, this.#budget());
    const body = { compares: [], success, failure: [] };
    const { header, value } = await this.#write(request, body, call);
    return {
      header: encodeHeader(header),
      responses: encodeWriteResults(success, value.responses),
    };
  };

  /** What every mutation has in common. */
  #write(
    request: { readonly namespace: string; readonly requestId: string },
    body: TxnBody,
    call: CallContext,
  ): Promise<Committed> {
    const txn = {
      namespace: decodeNamespace(request.namespace),
      principal: call.principal.name,
      requestId: decodeRequestId(request.requestId),
      body,
    };
    return this.#access.commit(txn, call);
  }

  #found({ header, entries }: Found): GetResponse {
    return new GetAnswer(header, entries[0], this.#headers);
  }

  #budget(): RequestBudget {
    return new RequestBudget(this.#access.current.caps.valueBytesMax);
  }
}

type Found = Awaited<ReturnType<StorageEngine["get"]>>;

function single(operation: TxnBody["success"][number]): TxnBody {
  return { compares: [], success: [operation], failure: [] };
}

function requireFits(bytes: number, messageBytesMax: number): void {
  if (bytes <= messageBytesMax) return;
  throw invalid("RESPONSE_TOO_LARGE", {
    field: "keys",
    message: `the answer would have more than ${String(messageBytesMax)} bytes`,
    hint: "ask for fewer keys, or for keys_only",
    limit: messageBytesMax,
    actual: bytes,
  });
}

function tooManyKeys(actual: number): Error {
  return invalid("BATCH_TOO_LARGE", {
    field: "keys",
    message: `the request has ${String(actual)} keys, the limit is ${String(batchOperationsMax)}`,
    hint: "split it into several requests",
    limit: batchOperationsMax,
    actual,
  });
}

function renameToItself(): Error {
  return invalid("ARGUMENT_INVALID", {
    field: "new_key",
    message: "new_key is the same as key",
    hint: "choose another new_key",
  });
}
