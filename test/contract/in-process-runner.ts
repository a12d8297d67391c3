/** The real engine, the real handlers and the real transport, in the process of the test. */
import { join } from "node:path";
import { type EngineOptions, openEngine } from "../../src/engine/index.js";
import { systemClock } from "../../src/foundation/clock.js";
import { Failpoints } from "../../src/foundation/failpoint.js";
import { systemRandom } from "../../src/foundation/random.js";
import { startWorker } from "../../src/foundation/thread-link.js";
import { Metrics } from "../../src/observability/metrics.js";
import { Readiness } from "../../src/rpc/readiness.js";
import { messageBytesDefault, valueBytesDefault } from "../../src/storage/limits.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import { GrpcServer } from "../../src/transport/grpc-js/grpc-server.js";
import { type RecordingLog, recordingLog } from "../support/recording-log.js";
import { serviceTableOver } from "../support/service-table.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { testOptions } from "../support/temp-engine.js";
import { ContractClient } from "./client.js";
import type { Runner, Target, TargetOptions } from "./runner.js";

/** What only this runner can offer: a look inside. */
export interface InProcessTarget extends Target {
  readonly server: GrpcServer;
  readonly engine: StorageEngine;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: RecordingLog;
}

export interface InProcessOptions extends TargetOptions {
  readonly snapshotIdleMsMax?: number;
}

export const inProcessRunner: Runner = {
  name: "in one process",
  start: startInProcess,
};

export async function startInProcess(
  ending: Ending,
  options: InProcessOptions = {},
): Promise<InProcessTarget> {
  const directory = tempDirectory(ending);
  const log = recordingLog();
  const metrics = new Metrics();
  const clock = systemClock();
  const random = systemRandom();
  const engine = await openEngine(engineOptions(join(directory, "kv.db"), options), {
    clock,
    random,
    log,
    metrics,
    failpoints: Failpoints.parse(""),
    startThread: startWorker,
    onFatal: ({ reason }) => {
      // As the daemon does: nothing more may be written, so nothing more is tried.
      process.stderr.write(`the engine latched: ${reason}\n`);
      process.exit(1);
    },
  });
  const readiness = new Readiness();
  const ports = { engine: () => engine, readiness, random, log, metrics };
  const server = await GrpcServer.start(serviceTableOver(ports), {
    listen: ["127.0.0.1:0"],
    maxMessageBytes: messageBytesDefault,
    clock,
    log,
    metrics,
  });
  readiness.set("serving", "");
  const [address] = server.addresses;
  if (address === undefined) throw new Error("the server listens on one address");
  ending.after(async () => {
    await server.close();
    await engine.close();
  });
  const client = new ContractClient(ending, address);
  return { client, address, server, engine, readiness, metrics, log };
}

function engineOptions(file: string, options: InProcessOptions): EngineOptions {
  const { namespaceAutoCreate = true, valueBytesMax = valueBytesDefault } = options;
  const { snapshotIdleMsMax = 30_000 } = options;
  return { ...testOptions(file), namespaceAutoCreate, valueBytesMax, snapshotIdleMsMax };
}
