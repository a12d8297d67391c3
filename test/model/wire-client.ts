/** A plain client over the generated definitions: any RPC by its name, nothing of ours in between. */
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { AdminServiceService } from "../../src/wire/kvdb/v1/admin.js";
import { KvServiceService } from "../../src/wire/kvdb/v1/kv.js";
import { LeaseServiceService } from "../../src/wire/kvdb/v1/lease.js";
import { NamespaceServiceService } from "../../src/wire/kvdb/v1/namespace.js";

type Definition = MethodDefinition<unknown, unknown>;

const services: readonly object[] = [
  KvServiceService,
  LeaseServiceService,
  NamespaceServiceService,
  AdminServiceService,
];
const definitions = new Map<string, Definition>(
  services
    .flatMap((service) => Object.values(service) as Definition[])
    .map((definition) => [definition.path.slice(definition.path.lastIndexOf("/") + 1), definition]),
);

/** Every RPC of the four services. */
export const rpcNames: readonly string[] = [...definitions.keys()].sort();

const messageBytesMax = 64 * 1024 * 1024;
const options = {
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
};

export class WireClient {
  /** Every RPC that was called. */
  readonly called = new Set<string>();
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), options);
  }

  close(): void {
    this.#client.close();
  }

  unary<Response>(rpc: string, request: unknown): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = this.#definition(rpc);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response?: unknown): void => {
        if (error === null) resolve(response as Response);
        else reject(error);
      };
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, done);
    });
  }

  serverStream<Response>(rpc: string, request: unknown): ClientReadableStream<Response> {
    const { path, requestSerialize, responseDeserialize } = this.#definition(rpc);
    const decode = responseDeserialize as (bytes: Buffer) => Response;
    return this.#client.makeServerStreamRequest(path, requestSerialize, decode, request);
  }

  bidi<Request, Response>(rpc: string): ClientDuplexStream<Request, Response> {
    const { path, requestSerialize, responseDeserialize } = this.#definition(rpc);
    const encode = requestSerialize as (request: Request) => Buffer;
    const decode = responseDeserialize as (bytes: Buffer) => Response;
    return this.#client.makeBidiStreamRequest(path, encode, decode);
  }

  /** Every message of a stream of answers. */
  async collect<Response>(rpc: string, request: unknown): Promise<Response[]> {
    const messages: Response[] = [];
    for await (const message of this.serverStream<Response>(rpc, request)) {
      messages.push(message as Response);
    }
    return messages;
  }

  #definition(rpc: string): Definition {
    this.called.add(rpc);
    const definition = definitions.get(rpc);
    if (definition === undefined) throw new Error(`there is no RPC ${rpc}`);
    return definition;
  }
}
