/** The methods of the daemon over an engine of a test, as no daemon is needed to ask them. */
import { systemClock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import type { Metrics } from "../../src/observability/metrics.js";
import { admissionDefaults } from "../../src/rpc/admission.js";
import type { Readiness } from "../../src/rpc/readiness.js";
import type { ServiceTable } from "../../src/rpc/served-method.js";
import { createServiceTable } from "../../src/rpc/service-table.js";
import { messageBytesDefault } from "../../src/storage/limits.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import type { RecordingLog } from "./recording-log.js";

export function serviceTableOver(ports: {
  readonly engine: () => StorageEngine;
  readonly readiness: Readiness;
  readonly random: Random;
  readonly log: RecordingLog;
  readonly metrics: Metrics;
}): ServiceTable {
  const clock = systemClock();
  return createServiceTable({
    ...ports,
    tokenSecret: ports.random.bytes(32),
    versions: { kvdb: "0.0.0-test", node: process.versions.node },
    startedAtMs: clock.wallMs(),
    setLogLevel: () => "info",
    messageBytesMax: messageBytesDefault,
    admission: admissionDefaults,
    reflection: true,
    slowCallMs: Infinity,
    clock,
  });
}
