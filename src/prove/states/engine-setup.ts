/** The options with which copies of a store are opened: those of the daemon, on small caches. */
import type { EngineOptions } from "../../engine/index.js";
import type { Log } from "../../observability/log.js";
import {
  valueBytesDefault,
  walHardLimitBytesDefault,
  walSoftLimitBytesDefault,
  writeQueueRequestsDefault,
} from "../../storage/limits.js";

const cacheBytes = 2 * 1024 * 1024;

export function proveOptions(file: string): EngineOptions {
  return {
    file,
    nodeId: undefined,
    synchronous: "EXTRA",
    foreignKeys: true,
    nativeBusyTimeoutMs: 50,
    busyBudgetMs: 1_000,
    cacheBytes,
    checkpointIntervalMs: 0,
    walSoftLimitBytes: walSoftLimitBytesDefault,
    walHardLimitBytes: walHardLimitBytesDefault,
    integrityOnStart: "off",
    integrityFailurePolicy: "refuse",
    integrityStartupBudgetMs: 1_000,
    verifyChecksumsOnRead: true,
    namespaceAutoCreate: true,
    valueBytesMax: valueBytesDefault,
    writeQueueRequestsMax: writeQueueRequestsDefault,
    readerThreads: 1,
    snapshotIdleMsMax: 30_000,
    allowNetworkFileSystem: false,
    acceptLostWrites: false,
    diskReserveBytes: 0,
    scrubBytesPerSecond: 0,
    scrubCpuPercent: 100,
    scrubIntervalMs: 3_600_000,
  };
}

/** For thousands of starts of which only the outcome is of interest. */
export function silentLog(): Log {
  const log: Log = {
    event: () => undefined,
    child: () => log,
    isOn: () => false,
    setLevel: () => undefined,
  };
  return log;
}
