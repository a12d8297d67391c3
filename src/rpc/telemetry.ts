/**
 * What is counted and timed of every call. Series are bound once per method, so that a call costs
 * two additions and no look-up; a log line is written for slow calls and for bugs only.
 */
import type { Log } from "../observability/log.js";
import type {
  BoundCounter,
  BoundGauge,
  BoundHistogram,
  Metrics,
} from "../observability/metrics.js";
import type { TransportCall } from "./call.js";
import { type StatusCode, statusCode, statusCodeName } from "./status-code.js";

export interface TelemetryPorts {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Calls longer than this are logged; Infinity = none. Streams are not: they may last. */
  readonly slowCallMs: number;
}

/** Counts the calls of one method. */
export class MethodMeter {
  readonly #name: string;
  readonly #ports: TelemetryPorts;
  readonly #succeeded: BoundCounter;
  readonly #duration: BoundHistogram;
  readonly #streams: BoundGauge;
  readonly #failed = new Map<StatusCode, readonly BoundCounter[]>();

  constructor(path: string, ports: TelemetryPorts) {
    this.#name = methodName(path);
    this.#ports = ports;
    this.#succeeded = ports.metrics.counter("operations", { rpc: this.#name, status: "OK" });
    this.#duration = ports.metrics.histogram("operationDuration", { rpc: this.#name });
    this.#streams = ports.metrics.gauge("activeStreams");
  }

  streamOpened(): void {
    this.#streams.add(1);
  }

  streamClosed(): void {
    this.#streams.add(-1);
  }

  succeeded(call: TransportCall, durationMs: number): void {
    this.#succeeded.add();
    this.#duration.observe(durationMs / 1000);
    if (durationMs > this.#ports.slowCallMs) this.#slow(call, durationMs, statusCode.OK);
  }

  failed(call: TransportCall, durationMs: number, code: StatusCode): void {
    for (const counter of this.#countersOf(code)) counter.add();
    this.#duration.observe(durationMs / 1000);
    if (durationMs > this.#ports.slowCallMs) this.#slow(call, durationMs, code);
  }

  /** Bound when a code is first met: most methods never see most codes. */
  #countersOf(code: StatusCode): readonly BoundCounter[] {
    const known = this.#failed.get(code);
    if (known !== undefined) return known;
    const name = statusCodeName(code);
    const counters = [
      this.#ports.metrics.counter("operations", { rpc: this.#name, status: name }),
      this.#ports.metrics.counter("errors", { code: name }),
    ];
    this.#failed.set(code, counters);
    return counters;
  }

  #slow(call: TransportCall, durationMs: number, code: StatusCode): void {
    this.#ports.log.event("rpc.slow", {
      rpc: this.#name,
      durationMs: Math.round(durationMs * 1000) / 1000,
      status: statusCodeName(code),
      requestBytes: call.requestBytes,
      peer: call.peer(),
    });
  }
}

/** "/kvdb.v1.KvService/Get" → "KvService/Get": unique among all services, and short. */
export function methodName(path: string): string {
  const [service, method] = path.slice(1).split("/");
  return `${service?.slice(service.lastIndexOf(".") + 1) ?? ""}/${method ?? ""}`;
}
