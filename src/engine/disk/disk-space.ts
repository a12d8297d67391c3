/**
 * Whether the disk takes writes. SQLite's first "full" makes it a state of ours, because a smaller
 * write might pass where a larger one failed, and callers deserve one answer: from then on only what
 * takes away is let in. While it lasts, the reserve is given up and everything that can be given
 * back is given back: the WAL is moved and cut, free pages are returned. It ends by itself, when
 * there is room for the reserve and for as much again, and a real commit has gone through.
 */
import type { Cancel, Clock } from "../../foundation/clock.js";
import type { Log } from "../../observability/log.js";
import type { Metrics } from "../../observability/metrics.js";
import type { EngineError } from "../../storage/errors.js";
import {
  diskProbeMs,
  diskRoomToResumeMin,
  vacuumPagesPerSlice,
  vacuumPagesWhenTight,
  vacuumSlicesPerRelief,
} from "../../storage/limits.js";
import type { CheckpointRecord } from "../../storage/maintenance.js";
import type { TxnBody } from "../../storage/model.js";
import type { AlarmBoard } from "../alarm-board.js";
import { diskFull, onlyTakesAway } from "../commit/disk-full-refusal.js";
import { type ReserveFile, reserveBytesOn } from "../recovery/reserve-file.js";

export interface DiskSpacePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly alarms: AlarmBoard;
  readonly reserve: ReserveFile;
  readonly reserveBytes: number;
  /** Of the file system, for this user. */
  space(): { readonly freeBytes: number; readonly totalBytes: number };
  /** False once nothing may touch the files any more. */
  usable(): boolean;
  /** Moves the WAL into the database and cuts it. */
  relieve(): Promise<CheckpointRecord>;
  /** How much longer the database will be when the WAL has been moved. */
  growthBytes(): number;
  /** Gives so many free pages back; true = none is left, or there is no room even for that. */
  vacuumSlice(pagesMax: number): Promise<boolean>;
  /** A real commit. False: there is still no room. */
  probe(): Promise<boolean>;
  /** For people: what the store is doing, now that this has changed. */
  onChange(reason: string): void;
  /** The disk failed in another way than by being full. */
  onFault(cause: unknown): void;
}

export type DiskSpaceState = "roomy" | "full";

export class DiskSpace {
  readonly #ports: DiskSpacePorts;
  #state: DiskSpaceState = "roomy";
  #stopTimer: Cancel | undefined;
  #tending: Promise<void> | undefined;
  /** What was spare after a relief that met a full disk: the same again would end the same way. */
  #hopelessBytes: number | undefined;
  #resumedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(ports: DiskSpacePorts) {
    this.#ports = ports;
    const full = ports.metrics.gauge("diskFull");
    const held = ports.metrics.gauge("diskReserve");
    ports.metrics.beforeScrape(() => {
      full.set(this.#state === "full" ? 1 : 0);
      held.set(ports.reserve.heldBytes());
    });
  }

  get state(): DiskSpaceState {
    return this.#state;
  }

  /** Before the store serves: the reserve is made, or the store begins with a full disk. */
  async start(): Promise<void> {
    const { reserve } = this.#ports;
    const wanted = this.#reserveWanted();
    if (reserve.heldBytes() >= wanted) return;
    if (this.#room() >= 0 && (await this.#fillReserve(wanted))) return;
    this.#enter("the reserve does not fit");
  }

  /** SQLite or the file system has answered that there is no room. */
  noteFull(code: string): void {
    if (this.#closed) return;
    if (this.#state === "roomy") this.#enter(code);
  }

  /** The refusal of a request that must wait for room; undefined = it may be tried. */
  refusalOf(body: TxnBody): EngineError | undefined {
    return this.#state === "full" && !onlyTakesAway(body) ? diskFull() : undefined;
  }

  /** Throws "disk-full" where refusalOf says so. */
  assertRoomFor(body: TxnBody): void {
    const refusal = this.refusalOf(body);
    if (refusal !== undefined) throw refusal;
  }

  /** Throws "disk-full" while nothing new may be made. */
  assertRoom(): void {
    if (this.#state === "full") throw diskFull();
  }

  /** For the last checkpoint of a stop that found no room. False: there is nothing to give up. */
  giveUpReserve(): boolean {
    const held = this.#ports.reserve.heldBytes() > 0;
    this.#releaseReserve();
    return held;
  }

  /** Nothing is begun any more; resolves when what runs has ended. Twice is fine. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer?.();
    await this.#tending;
  }

  #enter(code: string): void {
    const { clock, log, alarms } = this.#ports;
    const { freeBytes, totalBytes } = this.#ports.space();
    this.#state = "full";
    this.#hopelessBytes = undefined;
    log.event("engine.disk-full", { code, freeBytes, totalBytes });
    const message = `the disk is full (${String(freeBytes)} bytes free): only requests that take away are let in`;
    alarms.raise("DISK_FULL", message);
    this.#ports.onChange(message);
    // At once, unless it has only just ended: then something is full that nobody can see.
    const sinceMs = clock.monotonicMs() - this.#resumedMs;
    this.#tendAfter(Math.max(0, diskProbeMs - sinceMs));
  }

  #tendAfter(delayMs: number): void {
    if (this.#closed) return;
    this.#stopTimer = this.#ports.clock.after(delayMs, () => {
      this.#tending = this.#tend().finally(() => {
        if (this.#state === "full") this.#tendAfter(diskProbeMs);
      });
    });
  }

  async #tend(): Promise<void> {
    try {
      if (!this.#mayWork()) return;
      // What the WAL gives back may be enough, and then the reserve stays where it is.
      if (this.#ports.reserve.heldBytes() > 0) {
        if (this.#walFits()) await this.#relieve();
        if (!this.#mayWork() || (await this.#resume())) return;
        this.#releaseReserve();
      }
      await this.#relieve();
      if (this.#mayWork()) await this.#resume();
    } catch (cause) {
      if (this.#mayWork()) this.#ports.onFault(cause);
    }
  }

  /** True when writes are taken again. */
  async #resume(): Promise<boolean> {
    const wanted = this.#reserveWanted();
    if (this.#room() < Math.max(wanted, diskRoomToResumeMin)) return false;
    if (this.#ports.reserve.heldBytes() < wanted && !(await this.#fillReserve(wanted)))
      return false;
    if (!this.#mayWork() || !(await this.#ports.probe())) return false;
    this.#state = "roomy";
    this.#resumedMs = this.#ports.clock.monotonicMs();
    const { freeBytes } = this.#ports.space();
    this.#ports.log.event("engine.disk-has-room", { freeBytes, reserveBytes: wanted });
    this.#ports.alarms.clear("DISK_FULL");
    this.#ports.onChange("the disk has room again");
    return true;
  }

  #releaseReserve(): void {
    const heldBytes = this.#ports.reserve.heldBytes();
    if (heldBytes === 0) return;
    this.#ports.reserve.release();
    this.#ports.log.event("engine.disk-reserve-freed", { reserveBytes: heldBytes });
  }

  /**
   * The WAL first, because giving pages back writes to it and a full one would have no room. A WAL
   * that does not fit is left alone: moved in part it would take the room that deletes need.
   */
  async #relieve(): Promise<void> {
    if (this.#spareBytes() === this.#hopelessBytes) return;
    const moved = await this.#moveWal();
    if (moved === "failed") return;
    if (!(await this.#giveBackPages()) || !this.#mayWork()) return;
    await this.#moveWal();
  }

  async #moveWal(): Promise<"moved" | "too-large" | "failed"> {
    if (!this.#walFits()) return "too-large";
    const { outcome } = await this.#ports.relieve();
    this.#hopelessBytes = outcome === "FAILED" ? this.#spareBytes() : undefined;
    return outcome === "FAILED" ? "failed" : "moved";
  }

  /** True when there was something to do. Ends where a slice would take more than it gives. */
  async #giveBackPages(): Promise<boolean> {
    for (let slice = 0; slice < vacuumSlicesPerRelief && this.#mayWork(); slice++) {
      const before = this.#spareBytes();
      const pages = before < 0 ? vacuumPagesWhenTight : vacuumPagesPerSlice;
      if (await this.#ports.vacuumSlice(pages)) return slice > 0;
      const after = this.#spareBytes();
      if (after < 0 && after < before) return true;
    }
    return true;
  }

  #walFits(): boolean {
    return this.#spareBytes() >= 0;
  }

  /** What is free when the WAL has been moved; negative = it cannot be. */
  #spareBytes(): number {
    return this.#ports.space().freeBytes - this.#ports.growthBytes();
  }

  async #fillReserve(bytes: number): Promise<boolean> {
    const filled = await this.#ports.reserve.fill(bytes);
    if (filled) this.#ports.log.event("engine.disk-reserve-made", { reserveBytes: bytes });
    return filled;
  }

  #reserveWanted(): number {
    return reserveBytesOn(this.#ports.space().totalBytes, this.#ports.reserveBytes);
  }

  /** Bytes that would be left for writes with the whole reserve in its place; may be negative. */
  #room(): number {
    const missing = Math.max(0, this.#reserveWanted() - this.#ports.reserve.heldBytes());
    return this.#ports.space().freeBytes - missing;
  }

  #mayWork(): boolean {
    return !this.#closed && this.#ports.usable();
  }
}
