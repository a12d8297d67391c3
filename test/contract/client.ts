/**
 * The client that the contract is written against: each RPC as a promise of its answer, a refusal
 * as what its details say. Requests are given in part; what is left out is left out on the wire.
 */
import {
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Any } from "../../src/wire/google/protobuf/any.js";
import { BadRequest, ErrorInfo, RetryInfo } from "../../src/wire/google/rpc/error_details.js";
import { Status } from "../../src/wire/google/rpc/status.js";
import { HealthClient } from "../../src/wire/grpc/health/v1/health.js";
import { ServerReflectionClient } from "../../src/wire/grpc/reflection/v1/reflection.js";
import { ServerReflectionClient as ServerReflectionAlphaClient } from "../../src/wire/grpc/reflection/v1alpha/reflection.js";
import { AdminServiceClient } from "../../src/wire/kvdb/v1/admin.js";
import * as kv from "../../src/wire/kvdb/v1/kv.js";
import { LeaseServiceClient } from "../../src/wire/kvdb/v1/lease.js";
import { NamespaceServiceClient } from "../../src/wire/kvdb/v1/namespace.js";
import type { Ending } from "../support/temp-directory.js";

const messageBytesMax = 64 * 1024 * 1024;
const options: ClientOptions = {
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
};

type Unary<Request, Response> = (
  request: Request,
  done: (error: ServiceError | null, response: Response) => void,
) => unknown;

interface Codec<Request> {
  fromPartial(part: Part<Request>): Request;
}

export class ContractClient {
  readonly kv: kv.KvServiceClient;
  readonly admin: AdminServiceClient;
  readonly namespaces: NamespaceServiceClient;
  readonly leases: LeaseServiceClient;
  readonly health: HealthClient;
  readonly reflection: ServerReflectionClient;
  readonly reflectionAlpha: ServerReflectionAlphaClient;

  constructor(ending: Ending, address: string) {
    const insecure = credentials.createInsecure();
    this.kv = new kv.KvServiceClient(address, insecure, options);
    this.admin = new AdminServiceClient(address, insecure, options);
    this.namespaces = new NamespaceServiceClient(address, insecure, options);
    this.leases = new LeaseServiceClient(address, insecure, options);
    this.health = new HealthClient(address, insecure, options);
    this.reflection = new ServerReflectionClient(address, insecure, options);
    this.reflectionAlpha = new ServerReflectionAlphaClient(address, insecure, options);
    ending.after(() => {
      this.close();
    });
  }

  close(): void {
    const { admin, namespaces, leases, health, reflection, reflectionAlpha } = this;
    for (const each of [this.kv, admin, namespaces, leases, health, reflection, reflectionAlpha]) {
      each.close();
    }
  }

  get = (part: Part<kv.GetRequest>): Promise<kv.GetResponse> =>
    this.#ask(kv.GetRequest, part, (request, done) => this.kv.get(request, done));
  batchGet = (part: Part<kv.BatchGetRequest>): Promise<kv.BatchGetResponse> =>
    this.#ask(kv.BatchGetRequest, part, (request, done) => this.kv.batchGet(request, done));
  put = (part: Part<kv.PutRequest>): Promise<kv.PutResponse> =>
    this.#ask(kv.PutRequest, part, (request, done) => this.kv.put(request, done));
  delete = (part: Part<kv.DeleteRequest>): Promise<kv.DeleteResponse> =>
    this.#ask(kv.DeleteRequest, part, (request, done) => this.kv.delete(request, done));
  deleteRange = (part: Part<kv.DeleteRangeRequest>): Promise<kv.DeleteRangeResponse> =>
    this.#ask(kv.DeleteRangeRequest, part, (request, done) => this.kv.deleteRange(request, done));
  rename = (part: Part<kv.RenameRequest>): Promise<kv.RenameResponse> =>
    this.#ask(kv.RenameRequest, part, (request, done) => this.kv.rename(request, done));
  increment = (part: Part<kv.IncrementRequest>): Promise<kv.IncrementResponse> =>
    this.#ask(kv.IncrementRequest, part, (request, done) => this.kv.increment(request, done));
  list = (part: Part<kv.ListRequest>): Promise<kv.ListResponse> =>
    this.#ask(kv.ListRequest, part, (request, done) => this.kv.list(request, done));
  txn = (part: Part<kv.TxnRequest>): Promise<kv.TxnResponse> =>
    this.#ask(kv.TxnRequest, part, (request, done) => this.kv.txn(request, done));
  batchWrite = (part: Part<kv.BatchWriteRequest>): Promise<kv.BatchWriteResponse> =>
    this.#ask(kv.BatchWriteRequest, part, (request, done) => this.kv.batchWrite(request, done));

  /** Every message of a scan, in order. */
  async scan(part: Part<kv.ScanRequest>): Promise<kv.ScanResponse[]> {
    return collect(this.kv.scan(kv.ScanRequest.fromPartial(part)));
  }

  bulkLoad(): ClientDuplexStream<kv.BulkLoadRequest, kv.BulkLoadResponse> {
    return this.kv.bulkLoad();
  }

  #ask<Request, Response>(
    codec: Codec<Request>,
    part: Part<Request>,
    call: Unary<Request, Response>,
  ): Promise<Response> {
    return answer((done) => call(codec.fromPartial(part), done));
  }
}

type Part<Request> = Readonly<Partial<Request>>;

/** The answer of a unary call, or a rejection with the status. */
export function answer<Response>(
  call: (done: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

/** Every message of a stream; a rejection when it ends with an error. */
export async function collect<Message>(stream: ClientReadableStream<Message>): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of stream) messages.push(message as Message);
  return messages;
}

/** What a refusal says, for a program. */
export interface Refused {
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Names of the fields at fault. */
  readonly fields: readonly string[];
  readonly retryMs: number | undefined;
  /** Short names of the details that were sent, for example "QuotaFailure". */
  readonly kinds: readonly string[];
}

/** Waits for the refusal; an answer is a failure of the test. */
export async function refused(call: Promise<unknown>): Promise<Refused> {
  try {
    await call;
  } catch (error) {
    return readRefusal(error);
  }
  throw new Error("the call was answered, and should have been refused");
}

/** A ServiceError with its code as the number that it is. */
type Failed = Omit<ServiceError, "code"> & { readonly code: number };

export function readRefusal(error: unknown): Refused {
  const { code, details, metadata } = error as Failed;
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Uint8Array)) throw new Error(`no details with: ${String(error)}`);
  const status = Status.decode(bytes);
  if (status.code !== code || status.message !== details) {
    throw new Error("the details must repeat the code and the text of the trailers");
  }
  return readStatus(status);
}

/** The same of a status that came as an answer, as those of a pipeline's entries do. */
export function readStatus(status: Status): Refused {
  const info = only(status.details, "ErrorInfo", ErrorInfo);
  const request = only(status.details, "BadRequest", BadRequest);
  const delay = only(status.details, "RetryInfo", RetryInfo)?.retryDelay;
  return {
    code: status.code,
    message: status.message,
    reason: info?.reason ?? "",
    domain: info?.domain ?? "",
    metadata: Object.fromEntries(info?.metadata ?? []),
    fields: (request?.fieldViolations ?? []).map(({ field }) => field),
    retryMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    kinds: status.details.map(({ typeUrl }) => typeUrl.slice(typeUrl.lastIndexOf(".") + 1)),
  };
}

function only<Message>(
  details: readonly Any[],
  name: string,
  codec: { decode(bytes: Uint8Array): Message },
): Message | undefined {
  const found = details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`);
  return found && codec.decode(found.value);
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(content: Uint8Array | undefined): string | undefined {
  return content && new TextDecoder().decode(content);
}
