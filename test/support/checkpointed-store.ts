/** A store of one connection for the checkpointer: a real file, and time that is moved by hand. */
import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { CheckpointRunner, type RawCheckpoint } from "../../src/engine/sqlite/raw-checkpoint.js";
import {
  Checkpointer,
  type CheckpointerOptions,
  type CheckpointerPorts,
} from "../../src/engine/wal/checkpointer.js";
import { ManualClock } from "../../src/foundation/clock.js";
import { seededRandom } from "../../src/foundation/random.js";
import { EngineEvents } from "../../src/observability/events.js";
import { Metrics } from "../../src/observability/metrics.js";
import type { CheckpointMode, SnapshotReading } from "../../src/storage/maintenance.js";
import type { Namespace, Revision } from "../../src/storage/model.js";
import { type RecordingLog, recordingLog } from "./recording-log.js";
import { type Ending, tempDirectory } from "./temp-directory.js";
import { pause } from "./wait.js";

export const intervalMs = 60_000;
export const frameBytes = 4_120;

/** A store of one connection, whose readers are snapshots in the checkpointer's eyes. */
export class CheckpointedStore {
  readonly clock = new ManualClock();
  readonly log: RecordingLog = recordingLog();
  readonly metrics = new Metrics();
  readonly events = new EngineEvents(this.clock, 100);
  readonly runs: CheckpointMode[] = [];
  readonly file: string;
  readonly writer: Database.Database;
  readonly checkpointer: Checkpointer;
  /** Replaces what the writer answers; undefined = the real thing. */
  answer: (() => Promise<RawCheckpoint>) | undefined;
  readonly #runner: CheckpointRunner;
  readonly #readers: Database.Database[] = [];

  constructor(ending: Ending, options: Partial<CheckpointerOptions> = {}) {
    this.file = join(tempDirectory(ending), "kv.db");
    this.writer = new Database(this.file);
    this.writer.pragma("journal_mode = WAL");
    this.writer.pragma("wal_autocheckpoint = 0");
    this.writer.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
    this.writer.pragma("wal_checkpoint(TRUNCATE)");
    this.#runner = new CheckpointRunner({
      connection: this.writer,
      walFile: `${this.file}-wal`,
      clock: this.clock,
      nativeBusyTimeoutMs: 5,
    });
    this.checkpointer = Checkpointer.start(
      {
        file: this.file,
        checkpointIntervalMs: intervalMs,
        walSoftLimitBytes: 64_000_000,
        walHardLimitBytes: 512_000_000,
        ...options,
      },
      this.#ports(),
      this.#runner.gauge(),
    );
    ending.after(async () => {
      await this.checkpointer.close();
      for (const reader of this.#readers) reader.close();
      this.writer.close();
    });
  }

  get walBytes(): number {
    return statSync(`${this.file}-wal`).size;
  }

  /** So many commits, each of about one frame, told to the checkpointer like groups. */
  commit(count: number): void {
    const insert = this.writer.prepare("INSERT INTO t (text) VALUES (?)");
    for (let round = 0; round < count; round++) insert.run("x".repeat(100));
    this.checkpointer.noteCommit(this.#runner.gauge());
  }

  openSnapshot(): Database.Database {
    const reader = new Database(this.file, { readonly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM t").get();
    this.#readers.push(reader);
    return reader;
  }

  endSnapshots(): number {
    const ended = this.#readers.splice(0);
    for (const reader of ended) reader.close();
    return ended.length;
  }

  /** Lets everything run that was begun: checkpoints are promises here, not timers. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await pause(0);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  #ports(): CheckpointerPorts {
    const { clock, log, metrics, events } = this;
    const snapshot: SnapshotReading = {
      id: 1,
      owner: "Scan",
      namespace: "default" as Namespace,
      revision: 1n as Revision,
      ageMs: 4_000,
    };
    return {
      run: async (mode) => {
        this.runs.push(mode);
        return this.answer === undefined ? this.#runner.run(mode, 1) : this.answer();
      },
      snapshots: {
        count: () => this.#readers.length,
        oldest: () => (this.#readers.length > 0 ? snapshot : undefined),
        cancelAll: () => this.endSnapshots(),
        hold: () => undefined,
        release: () => undefined,
      },
      foreignReaders: () => [],
      nameOfProcess: () => undefined,
      random: seededRandom(7),
      clock,
      log,
      metrics,
      events,
    };
  }
}
