/**
 * Tells of a checkpoint in every way there is: history, metrics, and for those that somebody should
 * see a log line and an engine event. All of it comes from the one record, so a graph, a line and an
 * answer cannot disagree.
 */
import type { EngineEventSeverity, EngineEvents } from "../../observability/events.js";
import type { Log, LogFields } from "../../observability/log.js";
import type { LogEventName } from "../../observability/log-events.js";
import type { Metrics } from "../../observability/metrics.js";
import { checkpointHistoryMax } from "../../storage/limits.js";
import type { CheckpointRecord, CheckpointSource } from "../../storage/maintenance.js";
import type { RawCheckpoint } from "../sqlite/raw-checkpoint.js";
import { isComplete } from "./checkpoint-outcome.js";

type Ending = "completed" | "incomplete" | "failed";

const eventNames = {
  periodic: {
    completed: "checkpoint.completed",
    incomplete: "checkpoint.incomplete",
    failed: "checkpoint.failed",
  },
  manual: {
    completed: "checkpoint.manual-completed",
    incomplete: "checkpoint.manual-incomplete",
    failed: "checkpoint.manual-failed",
  },
  "startup-recovery": {
    completed: "checkpoint.recovery-completed",
    // A start that cannot empty the WAL does not go on: to an operator it failed.
    incomplete: "checkpoint.recovery-failed",
    failed: "checkpoint.recovery-failed",
  },
  closeDatabase: {
    completed: "checkpoint.closing-completed",
    incomplete: "checkpoint.closing-incomplete",
    failed: "checkpoint.closing-failed",
  },
} as const satisfies Record<CheckpointSource, Record<Ending, LogEventName>>;

const metricSources = {
  periodic: "periodic",
  manual: "manual",
  "startup-recovery": "recovery",
  closeDatabase: "closing",
} as const satisfies Record<CheckpointSource, string>;

const severities = {
  completed: "info",
  incomplete: "warning",
  failed: "critical",
} as const satisfies Record<Ending, EngineEventSeverity>;

export interface ReportPorts {
  readonly file: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: EngineEvents;
}

export class CheckpointReport {
  readonly #ports: ReportPorts;
  readonly #history: CheckpointRecord[] = [];

  constructor(ports: ReportPorts) {
    this.#ports = ports;
    // Bound once, so that the series are there, as 0, from the first scrape.
    ports.metrics.histogram("walCheckpointDuration");
  }

  /** Newest first. */
  history(): readonly CheckpointRecord[] {
    return [...this.#history];
  }

  /** Counts and keeps it; `aloud` also logs it and tells those who listen to engine events. */
  add(record: CheckpointRecord, raw: RawCheckpoint, aloud: boolean): void {
    this.#history.unshift(record);
    if (this.#history.length > checkpointHistoryMax) this.#history.pop();
    const { metrics } = this.#ports;
    metrics.counter("walCheckpoints", { outcome: record.outcome }).add();
    metrics.histogram("walCheckpointDuration").observe(record.durationMs);
    if (record.outcome === "FAILED") {
      const source = metricSources[record.source];
      metrics.counter("checkpointFailures", { source, code: record.code }).add();
    }
    if (aloud) this.#tell(record, raw);
  }

  #tell(record: CheckpointRecord, raw: RawCheckpoint): void {
    const { file, log, events } = this.#ports;
    const ending = endingOf(record);
    const name = eventNames[record.source][ending];
    log.event(name, { db: file, ...fieldsOf(record, raw) });
    events.publish({
      kind: "checkpoint",
      severity: severities[ending],
      name,
      message: `${record.source} checkpoint ${ending}: ${record.outcome}`,
      attributes: {
        outcome: record.outcome,
        mode: record.modeRequested,
        frames_moved: String(record.framesMoved),
        wal_bytes: String(record.walBytesAfter),
        ...(record.pinnedBy === undefined ? {} : { pinned_by: record.pinnedBy.owner }),
        ...(record.code === "" ? {} : { code: record.code }),
      },
    });
  }
}

function endingOf(record: CheckpointRecord): Ending {
  if (record.outcome === "FAILED") return "failed";
  return isComplete(record.outcome) ? "completed" : "incomplete";
}

/** SQLite's own columns beside our reading of them; a run that threw has only the gauge before. */
function fieldsOf(record: CheckpointRecord, raw: RawCheckpoint): LogFields {
  const row =
    raw.kind === "ran"
      ? raw.row
      : { busy: 0, log: raw.before.frames, checkpointed: raw.before.backfilled };
  return {
    source: record.source,
    mode: record.modeRequested,
    modeEffective: record.modeEffective,
    outcome: record.outcome,
    busy: row.busy,
    log: row.log,
    checkpointed: row.checkpointed,
    framesMoved: record.framesMoved,
    walBytesBefore: record.walBytesBefore,
    walBytesAfter: record.walBytesAfter,
    durationMs: record.durationMs,
    pinnedBy: record.pinnedBy?.owner,
    pinnedAtFrame: record.pinnedBy?.frame,
    pinnedMs: record.pinnedBy?.ageMs,
    code: record.code === "" ? undefined : record.code,
  };
}
