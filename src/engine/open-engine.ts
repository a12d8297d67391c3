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
import type { EngineOptions, EnginePorts } from "./engine-options.js";
import { EngineLife } from "./engine-state.js";
import { removeCleanMarker } from "./recovery/clean-marker.js";
import { syncDirectory } from "./recovery/data-directory.js";
import { inspectBeforeOpen, type PreOpenReport } from "./recovery/recover.js";
import { applicationId, formatVersion } from "./sqlite/schema.js";
import { startupCheck } from "./startup-check.js";
import { startWriter, type WriterLink } from "./writer-link.js";

/**
 * Resolves with an engine that serves (or is read-only, where the policy says so). Throws OpenError;
 * then nothing of the store is held any more. Expects the umask 0077.
 */
export async function openEngine(
  options: EngineOptions,
  ports: EnginePorts,
): Promise<StorageEngine> {
  const { clock, log } = ports;
  const startedMs = clock.monotonicMs();
  const startedAtMs = clock.wallMs();
  const events = new EngineEvents(clock, eventBacklogMax);
  const life = new EngineLife(log, events);
  const alarms = new AlarmBoard(clock, events);
  const format = { applicationId, formatVersionMax: formatVersion };
  const before = await inspectBeforeOpen(options, format, { clock, log });
  const exit = new WriterExit();
  const writer = startWriter(writerStart(options, ports, before), exit.listener);
  try {
    life.moveTo("recovering", "the WAL is being moved into the database");
    const opened = await openWriter(writer, before, { options, ports });
    await syncDirectory(before.files.directory);
    assertNothingLost(opened, before);
    const recovery = reportOf(before, opened, {
      startedAtMs,
      durationMs: clock.monotonicMs() - startedMs,
    });
    const resolved = { ...options, file: before.files.database };
    const parts = {
      options: resolved,
      ports,
      events,
      life,
      alarms,
      before,
      writer,
      opened,
      recovery,
    };
    const { engine, integrity, onWriterExit } = assembleEngine(parts);
    exit.listen(onWriterExit);
    await removeCleanMarker(before.files);
    const { unclean } = before;
    await startupCheck({ ...ports, options, unclean, integrity, life, alarms });
    if (life.state === "recovering") life.moveTo("serving", "the store is open");
    return engine;
  } catch (cause) {
    exit.listen(() => undefined);
    await writer.terminate();
    before.lock.release();
    throw cause;
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
    failpoints: ports.failpoints.text,
    recovered: before.walBytesFound > 0,
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
    opened = await writer.request({ kind: "open", nowMs: clock.wallMs() });
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

/** A clean stop said which state the file holds at least; an older one is somebody else's copy. */
function assertNothingLost(opened: Opened, before: PreOpenReport): void {
  if (before.cleanMarker.kind !== "present") return;
  const { marker } = before.cleanMarker;
  // The start itself is one commit.
  const found = opened.commitSequence - 1n;
  if (opened.storeId === marker.storeId && found >= marker.commitSequence) return;
  throw new OpenError(
    "damaged",
    `LOST_WRITES: the last clean stop left commit ${marker.commitSequence} of store ${marker.storeId}, the file holds commit ${found} of store ${opened.storeId}`,
    { hint: "an older copy or another file stands in its place: put the right one back" },
  );
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
    verdict: before.createdNew ? "new" : before.unclean ? "recovered" : "clean",
    steps: [...before.steps, opening],
  };
}

/** The thread may end before there is anybody to tell; then the first listener hears of it. */
class WriterExit {
  #exit: { readonly code: number; readonly error: Error | undefined } | undefined;
  #listener: ((code: number, error: Error | undefined) => void) | undefined;

  readonly listener = (code: number, error: Error | undefined): void => {
    this.#exit = { code, error };
    this.#listener?.(code, error);
  };

  listen(listener: (code: number, error: Error | undefined) => void): void {
    this.#listener = listener;
    if (this.#exit !== undefined) listener(this.#exit.code, this.#exit.error);
  }
}
