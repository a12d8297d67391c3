/**
 * Whether the disk has room to move the WAL into the database. Pages that are new in the WAL make
 * the database longer when they are moved, and nothing is given back before all of them are: a store
 * that lets its WAL grow until the disk is full can neither move it nor take the deletes that would
 * make room. So before each COMMIT, free space and the reserve together must cover what the move
 * will take. What is refused here has not happened, as if SQLite had found the disk full.
 */
import { statfsSync, statSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../foundation/clock.js";
import {
  diskRoomAmpleBytes,
  diskRoomKeptBytes,
  diskRoomTrustedMs,
  walPagesPerCommit,
  walPagesPerRow,
} from "../../storage/limits.js";
import { heldBytesOf } from "../held-bytes.js";
import type { Connection } from "./connection.js";
import type { WalGauge } from "./raw-checkpoint.js";
import { NoRoomError } from "./result-codes.js";
import { prepareNumber } from "./statements.js";
import { frameHeaderBytes, walHeaderBytes } from "./wal-format.js";

export interface WalRoomFiles {
  readonly database: string;
  readonly wal: string;
  readonly reserve: string;
}

/** In pages, except rows: what the open transaction adds up to. */
export interface Transaction {
  readonly pages: number;
  readonly freePages: number;
  readonly rows: number;
}

/** What the disk has beside what a move of the WAL will take from it; negative = it does not fit. */
export interface DiskFacts {
  readonly freeBytes: number;
  readonly reserveBytes: number;
  /** Of the database file as it is, without the WAL. */
  readonly databaseBytes: number;
  readonly pageBytes: number;
}

/**
 * Frames that a COMMIT will write at most: pages that are new, pages that come back from the free
 * list, and those in which rows were changed. Pure.
 */
export function framesOf(before: Transaction, now: Transaction): number {
  const made = Math.max(0, now.pages - before.pages);
  const reused = Math.max(0, before.freePages - now.freePages);
  const rows = Math.max(0, now.rows - before.rows);
  return made + reused + Math.min(before.pages, rows * walPagesPerRow + walPagesPerCommit);
}

/** Bytes that stay when so many pages are the database's and so many frames are written. Pure. */
export function spareBytes(facts: DiskFacts, pages: number, frames: number): number {
  const growthBytes = Math.max(0, pages * facts.pageBytes - facts.databaseBytes);
  const walBytes = frames * (facts.pageBytes + frameHeaderBytes);
  return facts.freeBytes + facts.reserveBytes - growthBytes - walBytes - diskRoomKeptBytes;
}

export class WalRoom {
  readonly #files: WalRoomFiles;
  readonly #clock: Clock;
  readonly #pageBytes: number;
  readonly #pages;
  readonly #freePages;
  readonly #rows;
  /** As the last transaction left it; undefined = nobody has looked since. */
  #before: Transaction | undefined;
  #ampleUntilMs = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection, files: WalRoomFiles, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
    this.#pageBytes = connection.pragma("page_size", { simple: true }) as number;
    this.#pages = prepareNumber<[]>(connection, "PRAGMA page_count");
    this.#freePages = prepareNumber<[]>(connection, "PRAGMA freelist_count");
    this.#rows = prepareNumber<[]>(connection, "SELECT total_changes()");
  }

  /** Inside the transaction, before its COMMIT. Throws NoRoomError. */
  assertRoom(): void {
    const nowMs = this.#clock.monotonicMs();
    // Asking costs some microseconds, which a disk with much room need not pay with every commit.
    if (nowMs < this.#ampleUntilMs) {
      this.#before = undefined;
      return;
    }
    const now = this.#transaction();
    const frames = framesOf(this.#before ?? now, now);
    const spare = spareBytes(this.#facts(), now.pages, frames);
    if (spare < 0) throw new NoRoomError(-spare);
    if (spare >= diskRoomAmpleBytes) this.#ampleUntilMs = nowMs + diskRoomTrustedMs;
    this.#before = now;
  }

  /**
   * Before the first transaction, and when one was rolled back or made beside those that are asked
   * about: where the next one begins. Not inside a transaction.
   */
  note(): void {
    this.#before = this.#transaction();
  }

  /**
   * Frames of a transaction that was rolled back stay in the file, and on a full disk they hold the
   * room that the move needs. Nobody reads behind the last committed frame, and the next commit
   * begins there. Not inside a transaction.
   */
  cutTail({ frames, walBytes }: WalGauge): void {
    const committed = walHeaderBytes + Math.max(0, frames) * (this.#pageBytes + frameHeaderBytes);
    if (walBytes > committed) truncateSync(this.#files.wal, committed);
  }

  #facts(): DiskFacts {
    const { database, reserve } = this.#files;
    const { bavail, bsize } = statfsSync(dirname(database));
    return {
      freeBytes: bavail * bsize,
      reserveBytes: heldBytesOf(reserve),
      databaseBytes: statSync(database).size,
      pageBytes: this.#pageBytes,
    };
  }

  #transaction(): Transaction {
    return {
      pages: this.#pages.get() ?? 0,
      freePages: this.#freePages.get() ?? 0,
      rows: this.#rows.get() ?? 0,
    };
  }
}
