/** The settings of the daemon as the complete options of the engine: names and units meet here. */
import type { Config } from "../config/settings.js";
import type { EngineOptions } from "../engine/index.js";

const integrityOnStart = { OFF: "off", QUICK: "quick", FULL: "full" } as const;

export function engineOptions(config: Config): EngineOptions {
  return Object.freeze({
    file: config.sqliteFile,
    nodeId: config.nodeId,
    synchronous: config.synchronous,
    foreignKeys: config.foreignKeys,
    nativeBusyTimeoutMs: config.nativeBusyTimeoutMs,
    busyBudgetMs: config.busyTimeoutMs,
    cacheBytes: config.cacheBytes,
    checkpointIntervalMs: config.checkpointIntervalMs,
    walSoftLimitBytes: config.walSoftLimitBytes,
    walHardLimitBytes: config.walHardLimitBytes,
    integrityOnStart: integrityOnStart[config.integrityCheckOnStartup],
    integrityFailurePolicy: config.integrityFailurePolicy,
    integrityStartupBudgetMs: config.integrityStartupBudgetMs,
    verifyChecksumsOnRead: config.verifyChecksumsOnRead,
    namespaceAutoCreate: config.namespaceAutoCreate,
    valueBytesMax: config.valueBytesMax,
    writeQueueRequestsMax: config.activeTransactionsMax,
    readerThreads: config.readerThreads,
    snapshotIdleMsMax: config.snapshotMsMax,
    allowNetworkFileSystem: config.allowNetworkFileSystem,
    acceptLostWrites: config.acceptLostWrites,
    diskReserveBytes: config.diskReserveBytes,
    scrubBytesPerSecond: config.scrubBytesPerSecond,
    scrubCpuPercent: config.scrubCpuPercent,
    scrubIntervalMs: config.scrubIntervalMs,
  });
}
