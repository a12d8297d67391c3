/** What the daemon listens on: gRPC with every service, and the HTTP side for machines that watch. */
import type { Config } from "../config/settings.js";
import type { Clock } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";
import type { Log } from "../observability/log.js";
import type { LogLevel } from "../observability/log-events.js";
import type { Metrics } from "../observability/metrics.js";
import { OpsServer, type OpsSources, type ReadinessCheck } from "../ops/ops-server.js";
import { admissionDefaults } from "../rpc/admission.js";
import type { Readiness } from "../rpc/readiness.js";
import { createServiceTable } from "../rpc/service-table.js";
import type { StorageEngine } from "../storage/storage-engine.js";
import { GrpcServer } from "../transport/grpc-js/grpc-server.js";
import { listenErrorOf, preparePath } from "../transport/listeners.js";
import { addressText } from "./address-text.js";
import type { ProbeResult } from "./liveness.js";

export interface ListenerParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly tokenSecret: Uint8Array;
  readonly startedAtMs: number;
  readonly version: string;
  engine(): StorageEngine | undefined;
  storeCheck(): ProbeResult;
}

export class Listeners {
  readonly grpc: GrpcServer;
  /** Undefined when it is switched off. */
  readonly ops: OpsServer | undefined;

  constructor(grpc: GrpcServer, ops: OpsServer | undefined) {
    this.grpc = grpc;
    this.ops = ops;
  }

  /** Cuts everything. Twice is fine. */
  async close(): Promise<void> {
    await this.grpc.close();
    await this.ops?.close();
  }
}

/** Binds all addresses or none. Rejects with a ListenError when one of them cannot be bound. */
export async function openListeners(parts: ListenerParts): Promise<Listeners> {
  const { config, clock, log, metrics } = parts;
  const grpc = await GrpcServer.start(serviceTable(parts), {
    listen: config.listen.map(addressText),
    maxMessageBytes: config.messageBytesMax,
    clock,
    log,
    metrics,
  });
  const [address] = config.httpListen;
  if (address === undefined) return new Listeners(grpc, undefined);
  try {
    if (address.kind === "unix") await preparePath(addressText(address), address.path);
    return new Listeners(grpc, await OpsServer.open(address, opsSources(parts), log));
  } catch (cause) {
    await grpc.close();
    throw listenErrorOf(addressText(address), cause);
  }
}

function serviceTable(parts: ListenerParts): ReturnType<typeof createServiceTable> {
  const { config, clock, random, log, metrics, readiness } = parts;
  let level: LogLevel = config.logLevel;
  return createServiceTable({
    clock,
    random,
    log,
    metrics,
    readiness,
    engine: () => parts.engine(),
    tokenSecret: parts.tokenSecret,
    versions: { kvdb: parts.version, node: process.versions.node },
    startedAtMs: parts.startedAtMs,
    setLogLevel: (next) => {
      const before = level;
      level = next;
      log.setLevel(next);
      return before;
    },
    messageBytesMax: config.messageBytesMax,
    slowCallMs: config.slowRpcMs,
    admission: admissionDefaults,
    reflection: config.reflection,
  });
}

function opsSources(parts: ListenerParts): OpsSources {
  const { metrics, readiness, version } = parts;
  return {
    metrics: async () => ({ text: await metrics.expose(), contentType: metrics.contentType }),
    live: () => readiness.state !== "failed",
    readiness: () => readinessChecks(parts),
    version: () => ({
      kvdb: version,
      node: process.versions.node,
      sqlite: parts.engine()?.maintenance.status().sqliteVersion ?? "not open",
    }),
  };
}

/** Alarms are shown and do not fail readiness: what a caller can still do, it may. */
function readinessChecks(parts: ListenerParts): readonly ReadinessCheck[] {
  const { readiness } = parts;
  const { ok, detail } = parts.storeCheck();
  const alarms = parts.engine()?.maintenance.status().alarms ?? [];
  const reason = readiness.reason === "" ? "" : ` (${readiness.reason})`;
  return [
    { name: "state", ok: readiness.serving, detail: `${readiness.state}${reason}` },
    { name: "store", ok, detail },
    ...alarms.map(({ name, message }) => ({ name: `alarm ${name}`, ok: true, detail: message })),
  ];
}
