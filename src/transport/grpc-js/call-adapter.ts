/**
 * Turns a row of the dispatch table into a grpc-js handler, one function per shape. Whatever a
 * handler does, exactly one status is handed over, and nothing is thrown into the library.
 */
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import { describeError, type Log } from "../../observability/log.js";
import { StatusError } from "../../rpc/call.js";
import type { ServedMethod, TransportLimits } from "../../rpc/served-method.js";
import type { Codec, Decoded, DispatchRow } from "./dispatch-table.js";
import { type CallSurface, GrpcCall, unforeseen } from "./grpc-call.js";
import { incomingMessages, limitReadAhead } from "./incoming.js";
import { OutgoingMessages } from "./outgoing.js";

/** Calls that only the server's stop will end. */
export interface OpenCalls {
  add(stop: (status: StatusError) => void): void;
  delete(stop: (status: StatusError) => void): void;
}

export interface AdapterPorts {
  readonly log: Log;
  readonly limits: TransportLimits;
  readonly endless: OpenCalls;
}

type Row<Shape extends ServedMethod["shape"]> = DispatchRow & {
  readonly method: Extract<ServedMethod, { readonly shape: Shape }>;
};

/** The handler to register for the row's path. Messages arrive as Decoded and leave as bytes. */
export function adapt(row: DispatchRow, ports: AdapterPorts): UntypedHandleCall {
  switch (row.method.shape) {
    case "unary":
      return adaptUnary(row as Row<"unary">, ports);
    case "server-stream":
      return adaptServerStream(row as Row<"server-stream">, ports);
    case "client-stream":
      return adaptClientStream(row as Row<"client-stream">, ports);
    case "bidi":
      return adaptBidi(row as Row<"bidi">, ports);
  }
}

function adaptUnary(
  { method, codec }: Row<"unary">,
  ports: AdapterPorts,
): handleUnaryCall<Decoded, Buffer> {
  return (surface, respond) => {
    const { message, bytes } = surface.request;
    const call = new GrpcCall(method.path, surface, bytes);
    try {
      const answer = method.serve(message, call);
      if (answer instanceof Promise) settle(answer, call, codec, respond, ports);
      else succeed(call, codec.encode(answer), respond);
    } catch (error) {
      fail(call, error, respond, ports);
    }
  };
}

function adaptClientStream(
  { method, codec }: Row<"client-stream">,
  ports: AdapterPorts,
): handleClientStreamingCall<Decoded, Buffer> {
  return (surface, respond) => {
    limitReadAhead(surface, ports.limits.streamMessagesAheadMax);
    const call = new GrpcCall(method.path, surface, 0);
    const answer = method.serve(incomingMessages(surface, call), call);
    settle(answer, call, codec, respond, ports);
  };
}

function adaptServerStream(
  { method, codec }: Row<"server-stream">,
  ports: AdapterPorts,
): handleServerStreamingCall<Decoded, Buffer> {
  return (surface) => {
    const { message, bytes } = surface.request;
    const call = new GrpcCall(method.path, surface, bytes);
    const out = new OutgoingMessages(surface, call, codec.encode, ports.limits);
    run(call, surface, method.serve(message, out, call), method, ports);
  };
}

function adaptBidi(
  { method, codec }: Row<"bidi">,
  ports: AdapterPorts,
): handleBidiStreamingCall<Decoded, Buffer> {
  return (surface) => {
    limitReadAhead(surface, ports.limits.streamMessagesAheadMax);
    const call = new GrpcCall(method.path, surface, 0);
    const out = new OutgoingMessages(surface, call, codec.encode, ports.limits);
    const done = method.serve(incomingMessages(surface, call), out, call);
    run(call, surface, done, method, ports);
  };
}

type Respond = sendUnaryData<Buffer>;

function settle(
  answer: Promise<unknown>,
  call: GrpcCall,
  codec: Codec,
  respond: Respond,
  ports: AdapterPorts,
): void {
  answer
    .then((message) => {
      succeed(call, codec.encode(message), respond);
    })
    .catch((error: unknown) => {
      fail(call, error, respond, ports);
    });
}

function succeed(call: GrpcCall, bytes: Buffer, respond: Respond): void {
  call.finish();
  respond(null, bytes, call.trailers);
}

function fail(call: GrpcCall, error: unknown, respond: Respond, ports: AdapterPorts): void {
  call.finish();
  respond(call.statusOf(known(call, error, ports)));
}

/** What ends a stream whose answers flow. */
interface EndableSurface extends CallSurface {
  end(metadata?: unknown): unknown;
  emit(event: "error", status: unknown): boolean;
}

function run(
  call: GrpcCall,
  surface: EndableSurface,
  done: Promise<void>,
  method: ServedMethod,
  ports: AdapterPorts,
): void {
  const endWith = (status: StatusError): void => {
    if (call.finished) return;
    call.finish();
    // The library turns an error of the stream into its final status.
    surface.emit("error", call.statusOf(status));
  };
  const stop = (status: StatusError): void => {
    call.stop();
    endWith(status);
  };
  if (method.endless) ports.endless.add(stop);
  done
    .then(() => {
      if (call.finished) return;
      call.finish();
      surface.end(call.trailers);
    })
    .catch((error: unknown) => {
      endWith(known(call, error, ports));
    })
    .finally(() => {
      ports.endless.delete(stop);
    })
    // Both steps above hand a status to the library; should that itself throw, the call is over.
    .catch(() => undefined);
}

/** Handlers throw StatusError only; anything else comes from encoding an answer, and is a bug. */
function known(call: GrpcCall, error: unknown, ports: AdapterPorts): StatusError {
  if (error instanceof StatusError) return error;
  ports.log.event("rpc.handler-failed", { path: call.path, error: describeError(error) });
  return unforeseen(error);
}
