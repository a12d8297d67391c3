/**
 * Every method that is served, in one list: path, shape, handler, and whether it is reachable while
 * the store is not serving. A transport joins the rows with its codecs; a test calls them as they are.
 */
import type { Clock } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";
import type { LogLevel } from "../observability/log-events.js";
import type { StorageEngine } from "../storage/storage-engine.js";
import { Admission, type AdmissionLimits } from "./admission.js";
import { type HandlerPorts, notServing } from "./handler.js";
import type { Readiness } from "./readiness.js";
import { methodRows, type ServiceTable, transportLimits } from "./served-method.js";
import type { TelemetryPorts } from "./telemetry.js";

/** What the daemon brings. The engine is asked for at every call: it may still be opening. */
export interface ServiceTableOptions extends TelemetryPorts {
  engine(): StorageEngine | undefined;
  /** The daemon moves it; Drain and Resume move it too. */
  readonly readiness: Readiness;
  /** 16 bytes or more that survive a restart: page tokens stay valid as long as they do. */
  readonly tokenSecret: Uint8Array;
  readonly versions: { readonly kvdb: string; readonly node: string };
  /** When the process started, in epoch milliseconds. */
  readonly startedAtMs: number;
  /** Returns the level before. */
  setLogLevel(level: LogLevel): LogLevel;
  readonly messageBytesMax: number;
  readonly admission: AdmissionLimits;
  /** Serve grpc.reflection, so that tools work without .proto files. */
  readonly reflection: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

/** Throws AssertionError when an option is out of bounds. */
export function createServiceTable(options: ServiceTableOptions): ServiceTable {
  const ports: HandlerPorts = {
    admission: new Admission(options.admission),
    health: options.readiness,
    clock: options.clock,
    random: options.random,
    log: options.log,
    metrics: options.metrics,
    slowCallMs: options.slowCallMs,
  };
  methodRows(ports);
  return {
    methods: [],
    limits: transportLimits,
    stopping: () => notServing(options.readiness),
  };
}
