/**
 * The gRPC server on grpc-js: every limit stated, its listeners and connections our own, and an
 * ordered end. Nothing above knows that it is grpc-js.
 */
import type { Socket } from "node:net";
import type { ServerOptions } from "@grpc/grpc-js";
import { assert } from "../../foundation/assert.js";
import type { Clock } from "../../foundation/clock.js";
import type { Log } from "../../observability/log.js";
import type { BoundGauge, Metrics } from "../../observability/metrics.js";
import type { StatusError } from "../../rpc/call.js";
import type { ServedMethod, ServiceTable, TransportLimits } from "../../rpc/served-method.js";
import { type Listener, openListeners } from "../listeners.js";
import { adapt } from "./call-adapter.js";
import { dispatchTable } from "./dispatch-table.js";
import { Server, ServerCredentials } from "./library.js";
import { raiseReceiveWindows } from "./receive-window.js";

export interface GrpcServerOptions {
  /** "host:port", "[ipv6]:port" or "unix:/path"; port 0 takes a free one. */
  readonly listen: readonly string[];
  /** Largest message that is accepted. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface DrainResult {
  /** Connections that were still busy when the time was up, and were cut. */
  readonly cut: number;
}

export class GrpcServer {
  /** As asked for, with the ports that were bound. */
  readonly addresses: readonly string[];
  /** False: this version of the library did not let the receive windows be raised. */
  readonly windowsRaised: boolean;
  readonly #listeners: readonly Listener[];
  readonly #parts: Parts;
  readonly #table: ServiceTable;
  readonly #clock: Clock;
  #draining: Promise<DrainResult> | undefined;

  private constructor(
    listeners: readonly Listener[],
    parts: Parts,
    table: ServiceTable,
    clock: Clock,
  ) {
    this.addresses = listeners.map(({ address }) => address);
    this.windowsRaised = parts.windowsRaised;
    this.#listeners = listeners;
    this.#parts = parts;
    this.#table = table;
    this.#clock = clock;
  }

  /** Serves as soon as it resolves. Throws ListenError, and then nothing listens. */
  static async start(table: ServiceTable, options: GrpcServerOptions): Promise<GrpcServer> {
    const parts = buildParts(table, options);
    const listeners = await openListeners(options.listen, {
      connectionsMax: table.limits.connectionsMax,
      onConnection: (socket) => {
        parts.connections.add(socket);
        parts.inject(socket);
      },
    });
    for (const { address } of listeners) options.log.event("transport.listening", { address });
    return new GrpcServer(listeners, parts, table, options.clock);
  }

  /**
   * Ends in order: no new connections, subscriptions ended, each connection told to go away and
   * closed after its last call. What is left after the grace time is cut. Safe to call twice.
   */
  drain(graceMs: number): Promise<DrainResult> {
    this.#draining ??= this.#drainOnce(graceMs);
    return this.#draining;
  }

  /** Ends at once: every connection is cut. Safe to call twice, and after drain. */
  async close(): Promise<void> {
    for (const { server } of this.#listeners) server.close();
    this.#parts.connections.cutAll();
    this.#parts.server.forceShutdown();
    await this.#parts.connections.empty();
  }

  async #drainOnce(graceMs: number): Promise<DrainResult> {
    const { connections, endless } = this.#parts;
    for (const { server } of this.#listeners) server.close();
    for (const stop of [...endless]) stop(this.#table.stopping());
    this.#parts.goAway(graceMs);
    let cut = 0;
    const cancel = this.#clock.after(graceMs, () => {
      cut = connections.cutAll();
    });
    await connections.empty();
    cancel();
    return { cut };
  }
}

interface Parts {
  readonly server: Server;
  readonly connections: Connections;
  readonly endless: Set<(status: StatusError) => void>;
  readonly windowsRaised: boolean;
  inject(socket: Socket): void;
  goAway(graceMs: number): void;
}

function buildParts(table: ServiceTable, options: GrpcServerOptions): Parts {
  const server = new Server(serverOptions(table.limits, options.maxMessageBytes));
  const endless = new Set<(status: StatusError) => void>();
  const ports = { limits: table.limits, endless, log: options.log };
  for (const row of dispatchTable(table.methods)) {
    const { method, codec } = row;
    const added = server.register(
      method.path,
      adapt(row, ports),
      // Answers are encoded before they reach the library, so that their size is known.
      (bytes: Buffer) => bytes,
      codec.decode,
      kindOf[method.shape],
    );
    assert(added, `${method.path} must be in the table once`);
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    server,
    connections: new Connections(options.metrics.gauge("connectedClients")),
    endless,
    windowsRaised: raiseReceiveWindows(server, table.limits),
    inject: (socket) => {
      injector.injectConnection(socket);
    },
    goAway: (graceMs) => {
      injector.drain(graceMs);
    },
  };
}

/** What grpc-js calls the shapes. */
const kindOf = {
  unary: "unary",
  "server-stream": "serverStream",
  "client-stream": "clientStream",
  bidi: "bidi",
} as const satisfies Record<ServedMethod["shape"], string>;

function serverOptions(limits: TransportLimits, maxMessageBytes: number): ServerOptions {
  return {
    "grpc.max_receive_message_length": maxMessageBytes,
    // Unlimited: the library would answer a committed write whose answer is long with
    // RESOURCE_EXHAUSTED, which promises that nothing happened. Handlers bound what reads return.
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
    "grpc.keepalive_time_ms": limits.keepaliveIntervalMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    // Costs four closures and a clock reading per call, and nobody asks it anything.
    "grpc.enable_channelz": 0,
    "grpc-node.max_session_memory": limits.sessionMemoryMebibytesMax,
  };
}

/** Open connections. The library forgets its own when its channelz is off. */
class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #gauge: BoundGauge;
  #waiting: (() => void)[] = [];

  constructor(gauge: BoundGauge) {
    this.#gauge = gauge;
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
    this.#gauge.set(this.#sockets.size);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#gauge.set(this.#sockets.size);
      if (this.#sockets.size === 0) this.#wakeAll();
    });
  }

  /** Returns how many were cut. */
  cutAll(): number {
    const cut = this.#sockets.size;
    for (const socket of this.#sockets) socket.destroy();
    return cut;
  }

  /** Resolves once there is none. */
  empty(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
