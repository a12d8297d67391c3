/** Small lies of a server, told between its handlers and its transport. Each must be found out. */
import type { Random } from "../../src/foundation/random.js";
import { StatusError, type StreamWriter, type TransportCall } from "../../src/rpc/call.js";
import { refuse } from "../../src/rpc/error-details.js";
import type { ServedMethod, ServiceTable } from "../../src/rpc/served-method.js";
import type {
  BulkLoadRequest,
  DeleteResponse,
  ListResponse,
  PipelineResponse,
  WatchResponse,
} from "../../src/wire/kvdb/v1/kv.js";

export interface WireLie {
  readonly lie: string;
  /** The RPC whose handler is wrapped. */
  readonly rpc: string;
  readonly wrap: (method: ServedMethod, random: Random) => ServedMethod;
}

/** Once in so many answers. */
const seldom = 5;

const lies: readonly WireLie[] = [
  {
    lie: "says of an absent key that it was deleted",
    rpc: "Delete",
    wrap: (method) =>
      answering<DeleteResponse>(method, (response) => ({ ...response, deleted: true })),
  },
  {
    lie: "ends a list of pages too early",
    rpc: "List",
    wrap: (method) =>
      answering<ListResponse>(method, (response) => ({ ...response, nextPageToken: "" })),
  },
  {
    lie: "takes a condition that failed for a missing key",
    rpc: "Put",
    wrap: (method) => {
      if (method.shape !== "unary") return method;
      return {
        ...method,
        serve: async (request: unknown, call: TransportCall) => {
          try {
            return await method.serve(request, call);
          } catch (error) {
            if (!(error instanceof StatusError) || error.reason !== "CONDITION_FAILED") throw error;
            throw refuse("KEY_NOT_FOUND", { message: "the key does not exist", hint: "create it" });
          }
        },
      };
    },
  },
  {
    lie: "answers two entries of a pipeline crosswise",
    rpc: "Pipeline",
    wrap: (method, random) =>
      writing<PipelineResponse>(method, (write) => {
        let held: PipelineResponse | undefined;
        return {
          write: (message) => {
            if (held === undefined && random.below(seldom * 4) === 0) {
              held = message;
              return undefined;
            }
            const first = held;
            held = undefined;
            if (first === undefined) return write(message);
            void write({ ...first, id: message.id });
            return write({ ...message, id: first.id });
          },
          end: () => (held === undefined ? undefined : write(held)),
        };
      }),
  },
  {
    lie: "loses a change of a watch",
    rpc: "Watch",
    wrap: (method) =>
      writing<WatchResponse>(method, (write) => ({
        write: (message) => {
          const events = message.events.length > 1 ? message.events.slice(1) : message.events;
          return write({ ...message, events });
        },
        end: () => undefined,
      })),
  },
  {
    lie: "acknowledges a chunk that it has not written",
    rpc: "BulkLoad",
    wrap: (method, random) => {
      if (method.shape !== "bidi") return method;
      return {
        ...method,
        serve: (
          requests: AsyncIterable<unknown>,
          out: StreamWriter<unknown>,
          call: TransportCall,
        ) => {
          const fewer = without(requests as AsyncIterable<BulkLoadRequest>, random);
          return method.serve(fewer, out, call);
        },
      };
    },
  },
];

export function wireLies(): readonly WireLie[] {
  return lies;
}

/** The table with the lie in it. */
export function tableWith(
  table: ServiceTable,
  { rpc, wrap }: WireLie,
  random: Random,
): ServiceTable {
  const methods = table.methods.map((method) => {
    return method.path.endsWith(`/${rpc}`) ? wrap(method, random) : method;
  });
  return { ...table, methods };
}

async function* without(
  requests: AsyncIterable<BulkLoadRequest>,
  random: Random,
): AsyncIterable<BulkLoadRequest> {
  for await (const request of requests) {
    yield random.below(seldom) === 0 ? { ...request, kvs: [], crc32c: undefined } : request;
  }
}

function answering<Response>(
  method: ServedMethod,
  change: (response: Response) => Response,
): ServedMethod {
  if (method.shape !== "unary") return method;
  return {
    ...method,
    serve: async (request: unknown, call: TransportCall) =>
      change((await method.serve(request, call)) as Response),
  };
}

type Write<Message> = (message: Message) => Promise<void> | undefined;

function writing<Message>(
  method: ServedMethod,
  lying: (write: Write<Message>) => {
    readonly write: Write<Message>;
    end(): Promise<void> | undefined;
  },
): ServedMethod {
  const around = async (
    out: StreamWriter<unknown>,
    serve: (out: StreamWriter<unknown>) => Promise<void>,
  ): Promise<void> => {
    const liar = lying((message) => out.write(message));
    await serve({
      begin: () => {
        out.begin();
      },
      write: (message) => liar.write(message as Message),
    });
    await liar.end();
  };
  if (method.shape === "bidi") {
    return {
      ...method,
      serve: (requests: AsyncIterable<unknown>, out: StreamWriter<unknown>, call: TransportCall) =>
        around(out, (own) => method.serve(requests, own, call)),
    };
  }
  if (method.shape !== "server-stream") return method;
  return {
    ...method,
    serve: (request: unknown, out: StreamWriter<unknown>, call: TransportCall) =>
      around(out, (own) => method.serve(request, own, call)),
  };
}
