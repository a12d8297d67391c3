/**
 * The client: one connection, the services as typed calls, and what the calls share. Open it once
 * and close it at the end; it reconnects by itself in between.
 */
import { type Client, status } from "@grpc/grpc-js";
import { type Clock, systemClock } from "../foundation/clock.js";
import { type Random, systemRandom } from "../foundation/random.js";
import { type ConnectMode, connectChannel, openChannel } from "./channel.js";
import { callTimeoutMsDefault, connectTimeoutMsDefault } from "./client-limits.js";
import { KvError } from "./kv-error.js";
import { adminMethods, kvMethods, leaseMethods, namespaceMethods } from "./method-table.js";
import { defaultRetryPolicy, type RetryPolicy } from "./retry.js";
import {
  type CallContext,
  newRequestId,
  type ServiceCalls,
  serviceCalls,
} from "./service-calls.js";

export interface KvClientOptions {
  /** `host:port`, `[ip6]:port` or `unix:/path/to/socket`. */
  readonly address: string;
  /** For a unary call with its retries, unless the call says otherwise. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface ConnectOptions {
  readonly timeoutMs?: number;
  /** Fail as soon as one attempt was refused, or go on until the time is up. */
  readonly mode?: ConnectMode;
}

export class KvClient {
  readonly address: string;
  readonly kv: ServiceCalls<typeof kvMethods>;
  readonly leases: ServiceCalls<typeof leaseMethods>;
  readonly namespaces: ServiceCalls<typeof namespaceMethods>;
  readonly admin: ServiceCalls<typeof adminMethods>;
  /** What every call shares; for the parts of this folder. */
  readonly context: CallContext;
  readonly #channel: Client;

  private constructor(address: string, context: CallContext) {
    this.address = address;
    this.context = context;
    this.#channel = context.channel;
    this.kv = serviceCalls(context, kvMethods);
    this.leases = serviceCalls(context, leaseMethods);
    this.namespaces = serviceCalls(context, namespaceMethods);
    this.admin = serviceCalls(context, adminMethods);
  }

  /** Does not connect yet; the first call or `connect` does. Refuses an address that is none. */
  static open(options: KvClientOptions): KvClient {
    return new KvClient(options.address, {
      address: options.address,
      channel: openChannel(options.address),
      timeoutMs: options.timeoutMs ?? callTimeoutMsDefault,
      retry: Object.freeze({ ...defaultRetryPolicy, ...options.retry }),
      clock: options.clock ?? systemClock(),
      random: options.random ?? systemRandom(),
    });
  }

  /** Resolves once connected; else UNAVAILABLE · NOT_CONNECTED, and nothing was sent. */
  async connect(options: ConnectOptions = {}): Promise<void> {
    const timeoutMs = options.timeoutMs ?? connectTimeoutMsDefault;
    const deadlineMs = this.context.clock.wallMs() + timeoutMs;
    const mode = options.mode ?? "keep-trying";
    await connectChannel(this.#channel, this.address, { deadlineMs, mode });
  }

  /** A request id that no other request has, for callers that want to know theirs. */
  newRequestId(): string {
    return newRequestId(this.context);
  }

  /** Ends the connection; calls under way end as cancelled. Twice is fine. */
  close(): void {
    this.#channel.close();
  }
}

/** True for the end of a call that its own caller asked for. */
export function isCancelled(error: unknown): boolean {
  return error instanceof KvError && error.code === status.CANCELLED && error.reason === "";
}
