/**
 * What happens around every handler, whatever the transport: the gate, admission, the principal,
 * telemetry and the translation of errors. Authentication belongs here and nowhere else. A handler
 * that answers with a plain value costs no promise.
 */
import type { Clock } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";
import { describeError, type Log } from "../observability/log.js";
import { EngineError } from "../storage/errors.js";
import { retryDelayDefaultMs } from "../storage/limits.js";
import type { Admission } from "./admission.js";
import type {
  Bidi,
  CallContext,
  ClientStream,
  ServerStream,
  TransportCall,
  Unary,
} from "./call.js";
import { malformedMessage, StatusError } from "./call.js";
import { refuse } from "./error-details.js";
import { anonymous, type Principal } from "./principal.js";
import type { HealthSource } from "./readiness.js";
import { statusOfRefusal } from "./status.js";
import { type StatusCode, statusCode } from "./status-code.js";
import { MethodMeter, type TelemetryPorts } from "./telemetry.js";

export interface HandlerPorts extends TelemetryPorts {
  readonly admission: Admission;
  readonly health: HealthSource;
  readonly clock: Clock;
  readonly random: Random;
}

export interface HandlerOptions {
  readonly path: string;
  /** Reachable while the store is opening, draining or failed: administration, health, reflection. */
  readonly always: boolean;
}

/** The parts that every shape shares. One per method. */
class Guard {
  readonly meter: MethodMeter;
  readonly #options: HandlerOptions;
  readonly #ports: HandlerPorts;

  constructor(options: HandlerOptions, ports: HandlerPorts) {
    this.meter = new MethodMeter(options.path, ports);
    this.#options = options;
    this.#ports = ports;
  }

  nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  /** Throws when the call must not begin. Does not count the call; `enter` does. */
  pass(call: TransportCall): void {
    if (!this.#options.always && !this.#ports.health.serving) throw notServing(this.#ports.health);
    if (call.deadlineMs !== Infinity && call.deadlineMs <= this.#ports.clock.wallMs()) {
      throw refuse("NOT_EXECUTED", {
        message: "the deadline had passed before the call began",
        hint: "allow the call more time",
      });
    }
  }

  /** Administration, health and reflection must answer when everything else is refused. */
  enterCall(call: TransportCall): void {
    if (!this.#options.always) this.#ports.admission.enterCall(call.requestBytes);
  }

  leaveCall(call: TransportCall): void {
    if (!this.#options.always) this.#ports.admission.leaveCall(call.requestBytes);
  }

  enterStream(): void {
    this.#ports.admission.enterStream();
    this.meter.streamOpened();
  }

  leaveStream(): void {
    this.#ports.admission.leaveStream();
    this.meter.streamClosed();
  }

  succeeded(call: TransportCall, startedMs: number): void {
    this.meter.succeeded(call, this.nowMs() - startedMs);
  }

  /** The error as the transport may send it, counted. */
  failed(call: TransportCall, startedMs: number, error: unknown): StatusError {
    const status = this.#translate(call, error);
    this.meter.failed(call, this.nowMs() - startedMs, this.#countedAs(call, status.code));
    return status;
  }

  /** A transport cannot tell a deadline from a client that went away; the clock can. */
  #countedAs(call: TransportCall, code: StatusCode): StatusCode {
    if (code !== statusCode.CANCELLED) return code;
    const late = call.deadlineMs <= this.#ports.clock.wallMs();
    return late ? statusCode.DEADLINE_EXCEEDED : code;
  }

  #translate(call: TransportCall, error: unknown): StatusError {
    if (error instanceof StatusError) return error;
    if (error instanceof EngineError) return statusOfRefusal(error);
    return bug(call.path, error, this.#ports.log, this.#ports.random);
  }
}

/** Serves a unary method. */
export function serveUnary<Request, Response>(
  options: HandlerOptions,
  handle: Unary<Request, Response>,
  ports: HandlerPorts,
): Unary<Request, Response, TransportCall> {
  const guard = new Guard(options, ports);
  const settle = async (answer: Promise<Response>, call: TransportCall, startedMs: number) => {
    try {
      const response = await answer;
      guard.succeeded(call, startedMs);
      return response;
    } catch (error) {
      throw guard.failed(call, startedMs, error);
    } finally {
      guard.leaveCall(call);
    }
  };
  return (request, call) => {
    const startedMs = guard.nowMs();
    let entered = false;
    try {
      guard.pass(call);
      guard.enterCall(call);
      entered = true;
      if (request === malformedMessage) throw malformed();
      const answer = handle(request, new ServedCall(call, anonymous));
      if (answer instanceof Promise) return settle(answer, call, startedMs);
      guard.succeeded(call, startedMs);
      guard.leaveCall(call);
      return answer;
    } catch (error) {
      if (entered) guard.leaveCall(call);
      throw guard.failed(call, startedMs, error);
    }
  };
}

/** Runs one streaming call between the gate and the telemetry. */
async function runStream<Result>(
  guard: Guard,
  call: TransportCall,
  run: (context: CallContext) => Promise<Result>,
): Promise<Result> {
  const startedMs = guard.nowMs();
  let entered = false;
  try {
    guard.pass(call);
    guard.enterStream();
    entered = true;
    const result = await run(new ServedCall(call, anonymous));
    guard.succeeded(call, startedMs);
    return result;
  } catch (error) {
    throw guard.failed(call, startedMs, error);
  } finally {
    if (entered) guard.leaveStream();
  }
}

export function serveServerStream<Request, Response>(
  options: HandlerOptions,
  handle: ServerStream<Request, Response>,
  ports: HandlerPorts,
): ServerStream<Request, Response, TransportCall> {
  const guard = new Guard(options, ports);
  return (request, out, call) =>
    runStream(guard, call, (context) => {
      if (request === malformedMessage) throw malformed();
      return handle(request, out, context);
    });
}

export function serveClientStream<Request, Response>(
  options: HandlerOptions,
  handle: ClientStream<Request, Response>,
  ports: HandlerPorts,
): ClientStream<Request, Response, TransportCall> {
  const guard = new Guard(options, ports);
  return (requests, call) => runStream(guard, call, (context) => handle(requests, context));
}

export function serveBidi<Request, Response>(
  options: HandlerOptions,
  handle: Bidi<Request, Response>,
  ports: HandlerPorts,
): Bidi<Request, Response, TransportCall> {
  const guard = new Guard(options, ports);
  return (requests, out, call) =>
    runStream(guard, call, (context) => handle(requests, out, context));
}

/** The transport's call with the principal beside it. */
class ServedCall implements CallContext {
  readonly path: string;
  readonly deadlineMs: number;
  readonly requestBytes: number;
  readonly principal: Principal;
  readonly #call: TransportCall;

  constructor(call: TransportCall, principal: Principal) {
    this.path = call.path;
    this.deadlineMs = call.deadlineMs;
    this.requestBytes = call.requestBytes;
    this.principal = principal;
    this.#call = call;
  }

  cancelled(): boolean {
    return this.#call.cancelled();
  }

  signal(): AbortSignal {
    return this.#call.signal();
  }

  header(name: string): string | Uint8Array | undefined {
    return this.#call.header(name);
  }

  peer(): string {
    return this.#call.peer();
  }

  clientCertificate(): string | undefined {
    return this.#call.clientCertificate();
  }

  trailer(name: string, value: string | Uint8Array): void {
    this.#call.trailer(name, value);
  }
}

/** For a transport that meets a broken message in the middle of a stream, too. */
export function malformed(): StatusError {
  return refuse("MESSAGE_MALFORMED", {
    message: "the message is not an encoded request of this method",
    hint: "use the .proto files of this server's version",
  });
}

/** Why no call is taken now. */
export function notServing(health: HealthSource): StatusError {
  const draining = health.state === "draining";
  return refuse(draining ? "DRAINING" : "NOT_READY", {
    message: `the server is ${health.state}${health.reason === "" ? "" : `: ${health.reason}`}`,
    hint: "wait as RetryInfo says, or ask another server",
    metadata: { state: health.state },
    retryMs: retryDelayDefaultMs,
  });
}

const bugIdBytes = 8;

/** The caller learns an id and nothing else: inner texts may hold anything. */
function bug(path: string, error: unknown, log: Log, random: Random): StatusError {
  const id = Buffer.from(random.bytes(bugIdBytes)).toString("hex");
  log.event("rpc.handler-failed", {
    id,
    path,
    error: describeError(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
  return refuse("BUG", {
    message: `an internal error occurred (${id})`,
    hint: "report it with this id; the server's log has the details",
    metadata: { id },
    cause: error,
  });
}
