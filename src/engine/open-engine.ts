/**
 * Opens a store: a straight list of steps, each of which may rely on the ones before it. Nothing is
 * acknowledged before the last one, and a step that fails leaves the files as they are.
 */
import { EngineEvents } from "../observability/events.js";
import { describeError } from "../observability/log.js";
import { OpenError } from "../storage/errors.js";
import { eventBacklogMax } from "../storage/limits.js";
import type { RecoveryReport, RecoveryStep } from "../storage/maintenance.js";
import type { StorageEngine } from "../storage/storage-engine.js";
import { AlarmBoard } from "./alarm-board.js";
import { assembleEngine } from "./assemble-engine.js";
import type { Opened, WriterStart } from "./commit/writer-protocol.js";
import type { DiskSpace } from "./disk/disk-space.js";
import type { EngineOptions, EnginePorts } from "./engine-options.js";
import { EngineLife } from "./engine-state.js";
import { DamageWatch } from "./integrity/damage-watch.js";
import { OpenedParts } from "./opened-parts.js";
import { removeCleanMarker } from "./recovery/clean-marker.js";
import { syncDirectory } from "./recovery/data-directory.js";
import { openErrorOf } from "./recovery/file-errors.js";
import { HighWaterMark } from "./recovery/high-water-mark.js";
import { inspectBeforeOpen, type PreOpenReport } from "./recovery/recover.js";
import {
  type Connection,
  openConnection,
  openErrorOf as sqliteOpenError,
} from "./sqlite/connection.js";
import { applicationId, formatVersion } from "./sqlite/schema.js";
import { startupCheck } from "./startup-check.js";
import { WaitingWriter, type WriterLink } from "./writer-link.js";

/**
 * Resolves with an engine that serves (or is read-only, where the policy says so). Throws OpenError;
 * then nothing of the store is held any more. Expects the umask 0077. The thread is given by those
 * who could start it earlier; it belongs to the engine from here on.
 */
export async function openEngine(
  options: EngineOptions,
  ports: EnginePorts,
  waiting: WaitingWriter = WaitingWriter.start(ports.startThread),
): Promise<StorageEngine> {
  const { clock, log } = ports;
  const began = { startedMs: clock.monotonicMs(), startedAtMs: clock.wallMs() };
  const format = { applicationId, formatVersionMax: formatVersion };
  try {
    const before = await inspectBeforeOpen(options, format, { clock, log });
    return await openInspected(before, { options, ports, waiting, began });
  } catch (cause) {
    waiting.onExit(() => undefined);
    await waiting.link.terminate();
    throw cause;
  }
}

interface Opening {
  readonly options: EngineOptions;
  readonly ports: EnginePorts;
  readonly waiting: WaitingWriter;
  readonly began: { readonly startedMs: number; readonly startedAtMs: number };
}

async function openInspected(before: PreOpenReport, opening: Opening): Promise<StorageEngine> {
  const { options, ports, waiting, began } = opening;
  const { clock, log } = ports;
  const writer = waiting.link;
  const events = new EngineEvents(clock, eventBacklogMax);
  const life = new EngineLife(log, events);
  const alarms = new AlarmBoard(clock, events);
  const policy = options.integrityFailurePolicy;
  const damage = new DamageWatch({ ...ports, policy, life, alarms });
  const parts = new OpenedParts(log);
  let guard: Connection | undefined;
  try {
    if (!before.beginsWal) guard = openGuard(options, before);
    life.moveTo("recovering", "the WAL is being moved into the database");
    const opened = await openWriter(writer, before, { options, ports });
    guard ??= openGuard(options, before);
    if (opened.lost !== undefined) log.event("recovery.lost-writes", { ...opened.lost });
    const durationMs = clock.monotonicMs() - began.startedMs;
    const recovery = reportOf(before, opened, { startedAtMs: began.startedAtMs, durationMs });
    const resolved = { ...options, file: before.files.database };
    const mark = await openMark(before);
    parts.holds(() => mark.close());
    parts.holds(() => {
      damage.close();
    });
    if (opened.lost !== undefined) await markAccepted(mark, opened, clock.wallMs());
    const store = {
      options: resolved,
      mark,
      ports,
      events,
      life,
      alarms,
      damage,
      before,
      writer,
      opened,
      recovery,
      parts,
    };
    const { engine, integrity, disk, readers, onWriterExit } = assembleEngine(store);
    waiting.onExit(onWriterExit);
    // From here on the point reader is the guard.
    guard.close();
    await removeCleanMarker(before.files);
    await startDisk(disk);
    const { unclean } = before;
    await startupCheck({ ...ports, options, unclean, integrity, damage });
    if (life.state === "recovering") life.moveTo("serving", "the store is open");
    // What follows a promise comes before an immediate: the caller serves, then the readers start.
    setImmediate(() => {
      readers.start();
    });
    return engine;
  } catch (cause) {
    waiting.onExit(() => undefined);
    await parts.stopWorking();
    await writer.terminate();
    // After a disk error they stay open: the process is about to exit around them.
    if (!(cause instanceof OpenError && cause.kind === "io")) {
      guard?.close();
      await parts.letGo();
    }
    before.lock.release();
    // A page may fail that only the first readers need: typed, it has its exit code.
    throw sqliteOpenError(cause, before.files.database);
  }
}

/**
 * A reader that stays open while the writer opens: if the start-up checkpoint meets a disk error, the
 * writer's close is not the last one, so SQLite does not checkpoint once more and hide its errors. A
 * file without a WAL has nothing to lose yet; it has its guard as soon as the writer has made one.
 */
function openGuard(options: EngineOptions, before: PreOpenReport): Connection {
  const { database } = before.files;
  return openConnection({ file: database, role: "reader", pragmas: options });
}

/** A disk that fails beside the database fails as it would under it: the exit code is the same. */
async function openMark({ files }: PreOpenReport): Promise<HighWaterMark> {
  try {
    const mark = await HighWaterMark.open(files.highWaterMark);
    await syncDirectory(files.directory);
    return mark;
  } catch (cause) {
    throw openErrorOf(cause, "syncing the data directory");
  }
}

/** At once: as long as the mark names the history that was given up, every start would be refused. */
async function markAccepted(mark: HighWaterMark, opened: Opened, atMs: number): Promise<void> {
  const { storeId, epoch, commitSequence } = opened;
  try {
    await mark.write({ storeId, epoch, commitSequence, atMs });
  } catch (cause) {
    throw openErrorOf(cause, "writing the mark of the new history");
  }
}

async function startDisk(disk: DiskSpace): Promise<void> {
  try {
    await disk.start();
  } catch (cause) {
    throw openErrorOf(cause, "making the disk reserve");
  }
}

function writerStart(
  options: EngineOptions,
  ports: EnginePorts,
  before: PreOpenReport,
): WriterStart {
  return {
    options: { ...options, file: before.files.database },
    walFile: before.files.wal,
    reserveFile: before.files.reserve,
    failpoints: ports.failpoints.text,
    recovered: before.walBytesFound > 0,
    expected: before.expected,
  };
}

async function openWriter(
  writer: WriterLink,
  before: PreOpenReport,
  { options, ports }: { readonly options: EngineOptions; readonly ports: EnginePorts },
): Promise<Opened> {
  const { clock, log } = ports;
  let opened: Opened;
  try {
    const start = writerStart(options, ports, before);
    opened = await writer.request({ kind: "open", start, nowMs: clock.wallMs() });
  } catch (cause) {
    const db = before.files.database;
    const reason = describeError(cause);
    if (before.walBytesFound > 0) log.event("checkpoint.recovery-failed", { db, reason });
    throw cause;
  }
  const { busyBudgetMs } = options;
  const settings = `${effectivePragmas(opened)} busy_budget=${busyBudgetMs}`;
  log.event("engine.effective-configuration", { settings });
  return opened;
}

/** As read back on the writer's connection; the two that operators look for come first. */
function effectivePragmas(opened: Opened): string {
  const first = ["journal_mode", "synchronous"];
  const pragmas = [...opened.reading.pragmas].sort(
    (a, b) => Number(first.includes(b.name)) - Number(first.includes(a.name)),
  );
  return pragmas.map(({ name, effective }) => `${name}=${effective}`).join(" ");
}

function reportOf(
  before: PreOpenReport,
  opened: Opened,
  at: { readonly startedAtMs: number; readonly durationMs: number },
): RecoveryReport {
  const opening: RecoveryStep = {
    name: "open-and-checkpoint",
    outcome: "ok",
    detail: `format ${opened.formatFrom}, epoch ${opened.epoch}, commit ${opened.commitSequence}`,
    durationMs: opened.checkpoint.durationMs,
  };
  return {
    ...at,
    unclean: before.unclean,
    createdNew: before.createdNew,
    walBytesFound: before.walBytesFound,
    walFramesFound: before.walFramesFound,
    walTail: before.walTail,
    framesReplayed: before.walFramesFound,
    recoveriesTotal: opened.recoveries,
    verdict: verdictOf(before, opened),
    steps: [...before.steps, opening],
  };
}

function verdictOf(before: PreOpenReport, { lost }: Opened): string {
  if (lost !== undefined) return `LOST_WRITES accepted: commits ${lost.from} to ${lost.to}`;
  if (before.createdNew) return "new";
  return before.unclean ? "recovered" : "clean";
}
