/**
 * One method as a transport serves it, and what a transport must enforce on its own: it reads no
 * configuration and knows no storage.
 */
import {
  connectionsMax,
  connectionWindowBytes,
  keepaliveIntervalMs,
  keepaliveTimeoutMs,
  sessionMemoryMebibytesMax,
  streamMessagesAheadMax,
  streamsPerConnectionMax,
  streamUnsentBytesMax,
  streamUnsentMessagesMax,
  streamWindowBytes,
} from "../storage/limits.js";
import type {
  Bidi,
  ClientStream,
  ServerStream,
  StatusError,
  TransportCall,
  Unary,
} from "./call.js";
import {
  type HandlerPorts,
  serveBidi,
  serveClientStream,
  serveServerStream,
  serveUnary,
} from "./handler.js";

interface MethodRow {
  readonly path: string;
  /** True for streams that only the client or the server's end finishes: subscriptions. */
  readonly endless: boolean;
}

/** One method as a transport serves it; messages are of the types that the path's codecs know. */
export type ServedMethod = MethodRow &
  (
    | { readonly shape: "unary"; readonly serve: Unary<unknown, unknown, TransportCall> }
    | {
        readonly shape: "server-stream";
        readonly serve: ServerStream<unknown, unknown, TransportCall>;
      }
    | {
        readonly shape: "client-stream";
        readonly serve: ClientStream<unknown, unknown, TransportCall>;
      }
    | { readonly shape: "bidi"; readonly serve: Bidi<unknown, unknown, TransportCall> }
  );

export interface TransportLimits {
  readonly connectionsMax: number;
  readonly streamsPerConnectionMax: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly streamMessagesAheadMax: number;
  readonly streamUnsentBytesMax: number;
  readonly streamUnsentMessagesMax: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly sessionMemoryMebibytesMax: number;
}

export interface ServiceTable {
  readonly methods: readonly ServedMethod[];
  readonly limits: TransportLimits;
  /** What calls that must not outlive the server are ended with. */
  stopping(): StatusError;
}

export const transportLimits: TransportLimits = Object.freeze({
  connectionsMax,
  streamsPerConnectionMax,
  streamWindowBytes,
  connectionWindowBytes,
  streamMessagesAheadMax,
  streamUnsentBytesMax,
  streamUnsentMessagesMax,
  keepaliveIntervalMs,
  keepaliveTimeoutMs,
  sessionMemoryMebibytesMax,
});

export interface MethodOptions {
  /** Reachable while the store is opening, draining or failed. */
  readonly always?: boolean;
  /** Lasts until somebody ends it, so a stopping server does. */
  readonly endless?: boolean;
}

/** Makes rows: each handler is wrapped once, here, and loses its message types to the table. */
export function methodRows(ports: HandlerPorts): {
  unary<Request, Response>(
    path: string,
    handle: Unary<Request, Response>,
    options?: MethodOptions,
  ): ServedMethod;
  serverStream<Request, Response>(
    path: string,
    handle: ServerStream<Request, Response>,
    options?: MethodOptions,
  ): ServedMethod;
  clientStream<Request, Response>(
    path: string,
    handle: ClientStream<Request, Response>,
    options?: MethodOptions,
  ): ServedMethod;
  bidi<Request, Response>(
    path: string,
    handle: Bidi<Request, Response>,
    options?: MethodOptions,
  ): ServedMethod;
} {
  return {
    unary(path, handle, { always = false, endless = false } = {}) {
      const serve = serveUnary({ path, always }, handle, ports);
      return {
        path,
        endless,
        shape: "unary",
        serve: serve as Unary<unknown, unknown, TransportCall>,
      };
    },
    serverStream(path, handle, { always = false, endless = false } = {}) {
      const serve = serveServerStream({ path, always }, handle, ports);
      return {
        path,
        endless,
        shape: "server-stream",
        serve: serve as ServerStream<unknown, unknown, TransportCall>,
      };
    },
    clientStream(path, handle, { always = false, endless = false } = {}) {
      const serve = serveClientStream({ path, always }, handle, ports);
      return {
        path,
        endless,
        shape: "client-stream",
        serve: serve as ClientStream<unknown, unknown, TransportCall>,
      };
    },
    bidi(path, handle, { always = false, endless = false } = {}) {
      const serve = serveBidi({ path, always }, handle, ports);
      return {
        path,
        endless,
        shape: "bidi",
        serve: serve as Bidi<unknown, unknown, TransportCall>,
      };
    },
  };
}
