/**
 * Everything that happens before the first connection: directory, lock, look at the files, scan the
 * WAL, make its bytes durable again. The steps run in this order because each relies on the one
 * before it: nothing is inspected before it is ours alone, and nothing is rewritten before it was
 * judged. A step that refuses leaves every file as it was.
 */
import { stat, statfs } from "node:fs/promises";
import type { Clock } from "../../foundation/clock.js";
import type { Log } from "../../observability/log.js";
import { OpenError } from "../../storage/errors.js";
import type { RecoveryStep, WalTail } from "../../storage/maintenance.js";
import type { Epoch, StoreId } from "../../storage/model.js";
import type { EngineOptions } from "../engine-options.js";
import { heldBytesOf } from "../held-bytes.js";
import { DirectoryLock, weakerSynchronous } from "../sqlite/directory-lock.js";
import { type CleanMarkerReading, readCleanMarker } from "./clean-marker.js";
import { type DataFiles, prepareDataDirectory } from "./data-directory.js";
import { absentOnly, openErrorOf } from "./file-errors.js";
import { type Mark, readMark } from "./high-water-mark.js";
import {
  inspectDatabase,
  judgePreOpen,
  type PreOpenVerdict,
  type StoreFormat,
} from "./pre-open-check.js";
import { quarantineFiles } from "./quarantine.js";
import { releaseReserve } from "./reserve-file.js";
import { judgeStartRoom } from "./start-room.js";
import { rewriteWalInPlace } from "./wal-rewrite.js";
import { scanWal, type WalScan } from "./wal-tail.js";

export type RecoveryOptions = Pick<
  EngineOptions,
  "file" | "allowNetworkFileSystem" | "synchronous" | "acceptLostWrites"
>;

export interface RecoveryPorts {
  readonly clock: Clock;
  readonly log: Log;
}

/** The files may be opened now, by this process only. The caller releases the lock, last of all. */
export interface PreOpenReport {
  readonly files: DataFiles;
  readonly lock: DirectoryLock;
  readonly steps: readonly RecoveryStep[];
  readonly unclean: boolean;
  readonly createdNew: boolean;
  /** Only the writer can open it so far: readers cannot give a file its WAL. */
  readonly beginsWal: boolean;
  readonly walBytesFound: number;
  /** Frames that SQLite will recover. */
  readonly walFramesFound: number;
  readonly walTail: WalTail;
  /** What the last clean stop promised about the content. It stays until removeCleanMarker. */
  readonly cleanMarker: CleanMarkerReading;
  /** The newest commit that is known to have returned: what the database must at least hold. */
  readonly expected: ExpectedCommit | undefined;
}

export interface ExpectedCommit {
  readonly storeId: StoreId;
  readonly epoch: Epoch;
  readonly commitSequence: bigint;
}

/**
 * Throws OpenError, and then nothing was opened, nothing deleted, and the lock is free again. Logs
 * that WAL residue was found, once, and why a start is refused.
 */
export async function inspectBeforeOpen(
  options: RecoveryOptions,
  format: StoreFormat,
  ports: RecoveryPorts,
): Promise<PreOpenReport> {
  const steps = new StepLog(ports.clock);
  let lock: DirectoryLock | undefined;
  try {
    const files = await prepareDirectory(options, steps);
    lock = await steps.run("directory-lock", () => {
      const held = DirectoryLock.acquire(files);
      return { value: held, detail: `held as ${files.lock}` };
    });
    return await inspectFiles({ files, lock, options, format, ports, steps });
  } catch (cause) {
    lock?.release();
    const error = openErrorOf(cause, "looking at the data directory");
    const { kind, message: reason, hint } = error;
    ports.log.event("recovery.refused", { kind, reason, hint, file: options.file });
    throw error;
  }
}

async function prepareDirectory(options: RecoveryOptions, steps: StepLog): Promise<DataFiles> {
  return steps.run("data-directory", async () => {
    const { files, created, remarks } = await prepareDataDirectory(options);
    const found = created ? `${files.directory} was made` : files.directory;
    return { value: files, detail: [found, ...remarks].join("; "), warned: remarks.length > 0 };
  });
}

interface Inspection {
  readonly files: DataFiles;
  readonly lock: DirectoryLock;
  readonly options: RecoveryOptions;
  readonly format: StoreFormat;
  readonly ports: RecoveryPorts;
  readonly steps: StepLog;
}

async function inspectFiles(inspection: Inspection): Promise<PreOpenReport> {
  const { files, lock, format, ports, steps } = inspection;
  const cleanMarker = await readCleanMarker(files);
  const mark = await readMark(files.highWaterMark);
  const wal = await scanStep(files, steps);
  reportResidue(files, wal, ports.log);
  const synchronous = lock.previousOwner()?.synchronous;
  const verdict = await steps.run("inspect-files", async () => {
    const database = await inspectDatabase(files);
    const facts = {
      database,
      wal,
      cleanMarker: cleanMarker.kind,
      marked: mark !== undefined,
      acceptLostWrites: inspection.options.acceptLostWrites,
      synchronous,
    };
    const judged = judgePreOpen(facts, format);
    if (judged.kind === "refuse") throw await refusalOf(judged, files);
    const detail = judged.createsNew ? "a new database" : `${String(database.bytes ?? 0)} bytes`;
    const { remarks } = judged;
    return { value: judged, detail: [detail, ...remarks].join("; "), warned: remarks.length > 0 };
  });
  await roomStep(files, wal, steps);
  if (verdict.copyWalAside) await copyAsideStep(files, steps);
  await rewriteStep(files, wal, steps);
  lock.recordOwner(ownerNow(inspection, wal));
  return {
    files,
    lock,
    steps: steps.taken,
    unclean: !verdict.createsNew && (wal.bytes > 0 || cleanMarker.kind !== "present"),
    createdNew: verdict.createsNew,
    beginsWal: verdict.beginsWal,
    walBytesFound: wal.bytes,
    walFramesFound: wal.frames,
    walTail: wal.tail,
    cleanMarker,
    expected: newestOf(mark, cleanMarker),
  };
}

/**
 * The mark and the marker of a clean stop say the same kind of thing; the later one counts. Of two
 * epochs that is the newer, whatever their commits: those of a history that was given up count no more.
 */
function newestOf(mark: Mark | undefined, clean: CleanMarkerReading): ExpectedCommit | undefined {
  if (clean.kind !== "present") return mark;
  if (mark === undefined || mark.epoch < clean.marker.epoch) return clean.marker;
  if (mark.epoch > clean.marker.epoch) return mark;
  return mark.commitSequence > clean.marker.commitSequence ? mark : clean.marker;
}

function scanStep(files: DataFiles, steps: StepLog): Promise<WalScan> {
  return steps.run("scan-wal", async () => {
    const wal = await scanWal(files.wal);
    const detail =
      wal.tail === "absent"
        ? wal.reason
        : `${wal.tail}: ${String(wal.frames)} frames in ${String(wal.commits)} commits, ${String(wal.bytes)} bytes; ${wal.reason}`;
    return { value: wal, detail, warned: wal.tail === "ambiguous" || wal.tail === "damaged" };
  });
}

/** Counted before the first open, because opening a WAL database makes an empty `-wal` itself. */
function reportResidue(files: DataFiles, wal: WalScan, log: Log): void {
  if (wal.bytes === 0) return;
  log.event("recovery.wal-residue", {
    db: files.database,
    walBytes: wal.bytes,
    frames: wal.frames,
    commits: wal.commits,
    tail: wal.tail,
  });
}

async function refusalOf(
  refused: Extract<PreOpenVerdict, { kind: "refuse" }>,
  files: DataFiles,
): Promise<OpenError> {
  if (!refused.quarantine) return new OpenError(refused.error, refused.reason, refused);
  const copy = await quarantineFiles(files, "refused");
  const where =
    copy.kind === "failed" ? `copying them aside failed (${copy.reason})` : copy.directory;
  return new OpenError(refused.error, `${refused.reason}; copies: ${where}`, refused);
}

async function roomStep(files: DataFiles, wal: WalScan, steps: StepLog): Promise<void> {
  await steps.run("free-space", async () => {
    const { bavail, bsize } = await statfs(files.directory);
    const facts = {
      freeBytes: bavail * bsize,
      reserveBytes: heldBytesOf(files.reserve),
      databaseBytes: (await stat(files.database).catch(absentOnly))?.size ?? 0,
      databaseBytesAfter: wal.databasePages * (wal.header?.pageBytes ?? 0),
    };
    const room = judgeStartRoom(facts);
    const needed = `${String(room.neededBytes)} bytes are needed, ${String(facts.freeBytes)} free`;
    if (room.kind === "enough") return { value: undefined, detail: needed };
    releaseReserve(files.reserve);
    const detail = `${needed}; the reserve of ${String(facts.reserveBytes)} was given up`;
    return { value: undefined, detail, warned: true };
  });
}

async function copyAsideStep(files: DataFiles, steps: StepLog): Promise<void> {
  await steps.run("copy-wal-aside", async () => {
    const copy = await quarantineFiles(files, "doubtful");
    const detail = copy.kind === "failed" ? `not copied: ${copy.reason}` : copy.directory;
    return { value: undefined, detail, warned: copy.kind === "failed" };
  });
}

async function rewriteStep(files: DataFiles, wal: WalScan, steps: StepLog): Promise<void> {
  if (wal.bytes === 0) {
    steps.skip("rewrite-wal", "there is no WAL");
    return;
  }
  await steps.run("rewrite-wal", async () => {
    const bytes = await rewriteWalInPlace(files.wal);
    return {
      value: undefined,
      detail: `${String(bytes)} bytes written over themselves and synced`,
    };
  });
}

/** The weaker level of both runs while frames of the earlier one are still in the WAL. */
function ownerNow(
  { lock, options, ports }: Inspection,
  wal: WalScan,
): {
  readonly pid: number;
  readonly sinceMs: number;
  readonly synchronous: EngineOptions["synchronous"];
} {
  const before = lock.previousOwner()?.synchronous;
  const synchronous =
    wal.bytes > 0 && before !== undefined
      ? weakerSynchronous(before, options.synchronous)
      : options.synchronous;
  return { pid: process.pid, sinceMs: ports.clock.wallMs(), synchronous };
}

/** Runs steps one after the other and keeps what each found and how long it took. */
class StepLog {
  readonly taken: RecoveryStep[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run<T>(name: string, step: () => StepFinding<T> | Promise<StepFinding<T>>): Promise<T> {
    const startedMs = this.#clock.monotonicMs();
    const { value, detail, warned } = await step();
    const durationMs = this.#clock.monotonicMs() - startedMs;
    this.taken.push({ name, outcome: warned === true ? "warned" : "ok", detail, durationMs });
    return value;
  }

  skip(name: string, detail: string): void {
    this.taken.push({ name, outcome: "skipped", detail, durationMs: 0 });
  }
}

interface StepFinding<T> {
  readonly value: T;
  readonly detail: string;
  readonly warned?: boolean;
}
