/**
 * Pipeline: many independent requests over one stream. Each is what the unary call would be, with
 * its own answer or status; their order is kept by a lane, their number in flight is bounded, and
 * the next one is read only when there is room.
 */
import { EngineError } from "../storage/errors.js";
import { batchOperationsMax, pipelineEntriesInFlightMax } from "../storage/limits.js";
import { Status } from "../wire/google/rpc/status.js";
import type {
  PipelineOperation,
  PipelineRequest,
  PipelineResponse,
  PipelineResult,
} from "../wire/kvdb/v1/kv.js";
import { PipelineResult as PipelineResultCodec } from "../wire/kvdb/v1/kv.js";
import { type Bidi, type CallContext, StatusError, type StreamWriter } from "./call.js";
import { invalid, refuse } from "./error-details.js";
import type { KvService } from "./kv-service.js";
import { type LaneKind, OrderedLane } from "./ordered-lane.js";
import { OrderedQueue } from "./ordered-queue.js";
import type { ScanService } from "./scan-service.js";
import { statusOfRefusal } from "./status.js";

type Operation = NonNullable<PipelineOperation["operation"]>;
type Result = NonNullable<PipelineResult["result"]>;
type ListResult = NonNullable<PipelineResponse["result"]>;

/** Never rejects for a refusal: only a bug ends the stream. */
interface Sent {
  readonly id: bigint;
  readonly answer: Promise<ListResult | Error>;
}

const kinds = {
  get: "read",
  batchGet: "read",
  list: "read",
  put: "write",
  delete: "write",
  deleteRange: "write",
  rename: "write",
  increment: "write",
  txn: "write",
  batchWrite: "write",
} as const satisfies Record<Operation["$case"], LaneKind>;

export class PipelineService {
  readonly #kv: KvService;
  readonly #scans: ScanService;
  readonly #messageBytesMax: number;

  constructor(kv: KvService, scans: ScanService, limits: { readonly messageBytesMax: number }) {
    this.#kv = kv;
    this.#scans = scans;
    this.#messageBytesMax = limits.messageBytesMax;
  }

  readonly pipeline: Bidi<PipelineRequest, PipelineResponse> = async (requests, out, call) => {
    const sent = new OrderedQueue<Sent>(pipelineEntriesInFlightMax);
    await Promise.all([this.#start(requests, sent, call), answerAll(sent, out)]);
  };

  async #start(
    requests: AsyncIterable<PipelineRequest>,
    sent: OrderedQueue<Sent>,
    call: CallContext,
  ): Promise<void> {
    const lane = new OrderedLane();
    for await (const { id, operation } of requests) {
      const answer = this.#entry(operation, lane, call).catch(asError);
      await sent.push({ id, answer });
    }
    sent.end();
  }

  async #entry(
    operation: PipelineRequest["operation"],
    lane: OrderedLane,
    call: CallContext,
  ): Promise<ListResult> {
    if (operation?.$case !== "operations") return this.#one(operation, lane, call);
    const { operations } = operation.value;
    if (operations.length > batchOperationsMax) return refused(tooMany(operations.length));
    // Started in order, all of them before the first is awaited: they share commits.
    const running = operations.map((one) => this.#one(one.operation, lane, call));
    return { $case: "results", value: { results: this.#fitting(await Promise.all(running)) } };
  }

  async #one(
    operation: Operation | undefined,
    lane: OrderedLane,
    call: CallContext,
  ): Promise<Result> {
    try {
      if (operation === undefined) throw nothingToRun();
      return await lane.run(kinds[operation.$case], () => this.#run(operation, call));
    } catch (error) {
      return refused(error);
    }
  }

  async #run(operation: Operation, call: CallContext): Promise<Result> {
    const { $case, value } = operation;
    switch ($case) {
      case "get":
        return { $case, value: await this.#kv.get(value, call) };
      case "batchGet":
        return { $case, value: await this.#kv.batchGet(value, call) };
      case "list":
        return { $case, value: await this.#scans.list(value, call) };
      case "put":
        return { $case, value: await this.#kv.put(value, call) };
      case "delete":
        return { $case, value: await this.#kv.delete(value, call) };
      case "deleteRange":
        return { $case, value: await this.#kv.deleteRange(value, call) };
      case "rename":
        return { $case, value: await this.#kv.rename(value, call) };
      case "increment":
        return { $case, value: await this.#kv.increment(value, call) };
      case "txn":
        return { $case, value: await this.#kv.txn(value, call) };
      case "batchWrite":
        return { $case, value: await this.#kv.batchWrite(value, call) };
    }
  }

  /** Reads that make the answer too large for one message are refused; mutations never are. */
  #fitting(results: readonly Result[]): PipelineResult[] {
    let bytes = 0;
    return results.map((result) => {
      const size = PipelineResultCodec.encode({ result }).finish().length;
      if (bytes + size > this.#messageBytesMax && isRead(result)) {
        return { result: refused(noRoomLeft(this.#messageBytesMax)) };
      }
      bytes += size;
      return { result };
    });
  }
}

async function answerAll(
  sent: OrderedQueue<Sent>,
  out: StreamWriter<PipelineResponse>,
): Promise<void> {
  for (let next = await sent.shift(); next !== undefined; next = await sent.shift()) {
    const answer = await next.answer;
    if (answer instanceof Error) throw answer;
    const wait = out.write({ id: next.id, result: answer });
    if (wait !== undefined) await wait;
  }
}

function isRead(result: Result): boolean {
  return result.$case !== "status" && kinds[result.$case] === "read";
}

/** The status that the unary call would have ended with. Anything but a refusal is a bug, and throws. */
function refused(error: unknown): Extract<Result, { $case: "status" }> {
  const status = error instanceof EngineError ? statusOfRefusal(error) : error;
  if (!(status instanceof StatusError)) throw status;
  return { $case: "status", value: Status.decode(status.details) };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function nothingToRun(): StatusError {
  return invalid("ARGUMENT_INVALID", {
    field: "operation",
    message: "the entry names no operation",
    hint: "set one of the operations that this server knows",
  });
}

function tooMany(actual: number): StatusError {
  return invalid("BATCH_TOO_LARGE", {
    field: "operations",
    message: `the list has ${actual} requests, the limit is ${batchOperationsMax}`,
    hint: "split it into several entries",
    limit: batchOperationsMax,
    actual,
  });
}

function noRoomLeft(messageBytesMax: number): StatusError {
  return refuse("OVERLOADED", {
    message: `the answers of the list have more than ${messageBytesMax} bytes`,
    hint: "read this one in another entry",
    quota: { subject: "message" },
  });
}
