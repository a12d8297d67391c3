/**
 * A plain client for tests: grpc-js and the generated definitions, no retries, nothing of ours in
 * between. What the daemon answers is what the test sees.
 */
import { type ClientOptions, credentials, type ServiceError } from "@grpc/grpc-js";
import { HealthClient } from "../../src/wire/grpc/health/v1/health.js";
import { AdminServiceClient } from "../../src/wire/kvdb/v1/admin.js";
import {
  GetRequest,
  type GetResponse,
  KvServiceClient,
  PutRequest,
} from "../../src/wire/kvdb/v1/kv.js";
import type { Ending } from "./temp-directory.js";

const messageBytesMax = 64 * 1024 * 1024;
const options: ClientOptions = {
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
  // Two clients of one process would otherwise share a connection.
  "grpc.use_local_subchannel_pool": 1,
  // After a restart of the daemon, ask again soon.
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 200,
  "grpc.service_config_disable_resolution": 1,
};

export interface TestClient {
  readonly kv: KvServiceClient;
  readonly admin: AdminServiceClient;
  readonly health: HealthClient;
  put(key: Uint8Array | string, value: Uint8Array | string): Promise<void>;
  /** Undefined: there is no such key. */
  get(key: Uint8Array | string): Promise<Uint8Array | undefined>;
  close(): void;
}

/** The address as the ready line gives it. Closed at the end of the test. */
export function connectTo(ending: Ending, address: string): TestClient {
  const insecure = credentials.createInsecure();
  const kv = new KvServiceClient(address, insecure, options);
  const admin = new AdminServiceClient(address, insecure, options);
  const health = new HealthClient(address, insecure, options);
  const close = (): void => {
    for (const client of [kv, admin, health]) client.close();
  };
  ending.after(close);
  return {
    kv,
    admin,
    health,
    close,
    async put(key, value) {
      const request = PutRequest.fromPartial({ key: bytesOf(key), value: bytesOf(value) });
      await answerTo((done) => kv.put(request, done));
    },
    async get(key) {
      const request = GetRequest.fromPartial({ key: bytesOf(key) });
      const response = await answerTo<GetResponse>((done) => kv.get(request, done));
      // A copy: what the decoder hands out is a view, and a Buffer at that.
      return response.kv === undefined ? undefined : new Uint8Array(response.kv.value);
    },
  };
}

/** The answer of a unary call, or a rejection with the status. */
export function answerTo<Response>(
  call: (done: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

export function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
