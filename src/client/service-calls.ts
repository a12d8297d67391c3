/**
 * A service's methods as functions: promises for unary calls, async iterables for streams. The
 * types follow from the generated definitions, so the method table is all there is to keep.
 */
import { type Client, type ClientDuplexStream, Metadata, status } from "@grpc/grpc-js";
import { type Clock, sleep } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";
import type { DeepPartial } from "../wire/kvdb/v1/kv.js";
import { connectChannel } from "./channel.js";
import { connectTimeoutMsDefault, requestIdBytes } from "./client-limits.js";
import { KvError } from "./kv-error.js";
import type { MethodRow, MethodTable } from "./method-table.js";
import { nextDelayMs, type RetryPolicy } from "./retry.js";
import { exchange, receive } from "./streams.js";

export interface CallOptions {
  /** For a unary call the time for all attempts together. For a stream: none unless given. */
  readonly timeoutMs?: number;
  /** Aborting cancels the call. */
  readonly signal?: AbortSignal;
}

/** What every call of a client shares, complete. */
export interface CallContext {
  readonly address: string;
  readonly channel: Client;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly random: Random;
}

type RequestOf<Row extends MethodRow> = Parameters<Row["definition"]["requestSerialize"]>[0];
type ResponseOf<Row extends MethodRow> = ReturnType<Row["definition"]["responseDeserialize"]>;
/** A request with everything optional that has a default on the wire. */
type Asked<Row extends MethodRow> = DeepPartial<RequestOf<Row>>;

type CallOf<Row extends MethodRow> = Row["definition"]["requestStream"] extends true
  ? (
      requests: AsyncIterable<Asked<Row>>,
      options?: CallOptions,
    ) => AsyncGenerator<ResponseOf<Row>, void, undefined>
  : Row["definition"]["responseStream"] extends true
    ? (
        request: Asked<Row>,
        options?: CallOptions,
      ) => AsyncGenerator<ResponseOf<Row>, void, undefined>
    : (request: Asked<Row>, options?: CallOptions) => Promise<ResponseOf<Row>>;

/** The methods of one service. A mutation without a request id is given one. */
export type ServiceCalls<Table extends MethodTable> = {
  readonly [Name in keyof Table]: CallOf<Table[Name]>;
};

export function serviceCalls<Table extends MethodTable>(
  context: CallContext,
  table: Table,
): ServiceCalls<Table> {
  const calls = Object.entries(table).map(([name, row]) => [name, callOf(context, row)]);
  // The one place where what the types promise is tied to what runs.
  return Object.fromEntries(calls) as ServiceCalls<Table>;
}

/** A row without its types: messages are whatever its own functions make of them. */
interface LooseRow {
  readonly definition: {
    readonly path: string;
    readonly requestSerialize: (message: unknown) => Buffer;
    readonly responseDeserialize: (bytes: Buffer) => unknown;
  };
  readonly request: { fromPartial(partial: unknown): unknown };
  readonly repeat: MethodRow["repeat"];
}

function callOf(context: CallContext, typedRow: MethodRow): unknown {
  const row = typedRow as unknown as LooseRow;
  const { path, requestSerialize, responseDeserialize } = row.definition;
  const { channel } = context;
  const mutates = row.repeat !== "harmless";
  if (typedRow.definition.requestStream) {
    return (requests: AsyncIterable<unknown>, options: CallOptions = {}): unknown => {
      const open = async (): Promise<ReturnType<Client["makeBidiStreamRequest"]>> => {
        const limits = await connectedForStream(context, options);
        return channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, limits);
      };
      return exchange(open, complete(requests, row), { signal: options.signal, mutates });
    };
  }
  if (typedRow.definition.responseStream) {
    return (request: unknown, options: CallOptions = {}): unknown => {
      const message = row.request.fromPartial(request);
      const open = async (): Promise<ReturnType<Client["makeServerStreamRequest"]>> => {
        const limits = await connectedForStream(context, options);
        const { requestSerialize: encode, responseDeserialize: decode } = row.definition;
        return channel.makeServerStreamRequest(path, encode, decode, message, limits);
      };
      return receive(open, { signal: options.signal, mutates });
    };
  }
  return (request: unknown, options: CallOptions = {}) => {
    return callUntilAnswered(context, row, withRequestId(context, row, request), options);
  };
}

async function* complete(
  requests: AsyncIterable<unknown>,
  row: LooseRow,
): AsyncGenerator<unknown, void, undefined> {
  for await (const request of requests) yield row.request.fromPartial(request);
}

async function connectedForStream(
  context: CallContext,
  options: CallOptions,
): Promise<{ deadline?: number }> {
  const { timeoutMs } = options;
  const deadlineMs = context.clock.wallMs() + (timeoutMs ?? connectTimeoutMsDefault);
  await connected(context, deadlineMs);
  return timeoutMs === undefined ? {} : { deadline: deadlineMs };
}

/**
 * Nothing is handed to a connection that does not stand: so a server that is not there is told from
 * one that went away, and only the second leaves an outcome unknown.
 */
async function connected(context: CallContext, deadlineMs: number): Promise<void> {
  await connectChannel(context.channel, context.address, { deadlineMs, mode: "fail-fast" });
}

function withRequestId(context: CallContext, row: LooseRow, request: unknown): unknown {
  const message = row.request.fromPartial(request);
  if (row.repeat !== "with-request-id") return message;
  const { requestId } = message as { readonly requestId: string };
  return requestId === "" ? { ...(message as object), requestId: newRequestId(context) } : message;
}

/** A name no other request has. */
export function newRequestId({ random }: { readonly random: Random }): string {
  return Buffer.from(random.bytes(requestIdBytes)).toString("hex");
}

async function callUntilAnswered(
  context: CallContext,
  row: LooseRow,
  message: unknown,
  options: CallOptions,
): Promise<unknown> {
  const { clock, retry, random } = context;
  const beganMs = clock.monotonicMs();
  const timeoutMs = options.timeoutMs ?? context.timeoutMs;
  const policy = { ...retry, budgetMs: Math.min(retry.budgetMs, timeoutMs) };
  let outcomeIsKnown = true;
  for (let attempts = 1; ; attempts++) {
    const leftMs = Math.max(0, timeoutMs - (clock.monotonicMs() - beganMs));
    try {
      return await callOnce(context, row, message, { ...options, timeoutMs: leftMs });
    } catch (cause) {
      const error = KvError.from(cause, row.repeat !== "harmless");
      outcomeIsKnown = outcomeIsKnown && !error.mayHaveHappened;
      const elapsedMs = clock.monotonicMs() - beganMs;
      const delayMs = nextDelayMs(error, row.repeat, { attempts, elapsedMs, policy }, random);
      if (delayMs === undefined || options.signal?.aborted === true) {
        throw outcomeIsKnown ? error : unlessDecided(error);
      }
      await sleep(clock, delayMs);
    }
  }
}

/**
 * After an attempt of unknown outcome, a refusal that looked at the request decides it: the same
 * request id would have brought back the first answer. One that turned the call away does not.
 */
function unlessDecided(error: KvError): KvError {
  const looked = error.reason !== "" && !turnedAway.includes(error.reason);
  return looked || error.mayHaveHappened ? error : error.afterUnknownAttempt();
}

const turnedAway = [
  "DRAINING",
  "FENCED",
  "NAMESPACE_BLOCKED",
  "NOT_CONNECTED",
  "NOT_EXECUTED",
  "NOT_LEADER",
  "NOT_READY",
  "OVERLOADED",
  "READ_ONLY",
  "STORAGE_BUSY",
  "STORAGE_FAULT",
  "WAL_LIMIT",
];

async function callOnce(
  context: CallContext,
  row: LooseRow,
  message: unknown,
  options: CallOptions & { readonly timeoutMs: number },
): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = row.definition;
  const { signal } = options;
  const deadline = context.clock.wallMs() + options.timeoutMs;
  await connected(context, deadline);
  return await new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new KvError({ code: status.CANCELLED, message: "the call was cancelled" }));
      return;
    }
    const call = context.channel.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      new Metadata(),
      { deadline },
      (error, response) => {
        signal?.removeEventListener("abort", cancel);
        if (error === null) resolve(response);
        else reject(error);
      },
    );
    const cancel = (): void => {
      call.cancel();
    };
    signal?.addEventListener("abort", cancel, { once: true });
  });
}

/**
 * Encoded requests to encoded responses, sent once. On the wire a call with one request is a stream
 * that ends after it, so this one form serves every kind of method.
 */
export function rawCall(
  context: CallContext,
  method: { readonly path: string },
  requests: AsyncIterable<Buffer>,
  options: CallOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const same = (bytes: Buffer): Buffer => bytes;
  const open = async (): Promise<ClientDuplexStream<Buffer, Buffer>> => {
    const limits = await connectedForStream(context, options);
    return context.channel.makeBidiStreamRequest(method.path, same, same, limits);
  };
  return exchange(open, requests, { signal: options.signal, mutates: true });
}
