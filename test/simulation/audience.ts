/** The watchers of a simulation: a few at a time, some of them slow, each judged when it ends. */
import assert from "node:assert/strict";
import type { WatchEvent } from "../../src/storage/storage-engine.js";
import type { Values } from "../model/values.js";
import type { Beside } from "./beside.js";
import { assertRightlyEnded } from "./judge.js";
import type { Tally } from "./plan.js";
import type { Questions } from "./questions.js";
import { quiet } from "./quiet.js";
import type { Rig } from "./rig.js";
import { digestOf, type Trace } from "./trace.js";
import { Watcher } from "./watcher.js";

const watchersMax = 5;

export interface AudiencePorts {
  readonly values: Values;
  readonly questions: Questions;
  readonly beside: Beside;
  readonly trace: Trace;
  readonly tally: Tally;
  /** This life goes on. */
  isPresent(rig: Rig): boolean;
  /** What goes wrong in it ends the simulation. */
  follow(running: Promise<void>, rig: Rig): void;
}

export class Audience {
  readonly #ports: AudiencePorts;
  #watchers: Watcher[] = [];

  constructor(ports: AudiencePorts) {
    this.#ports = ports;
  }

  /** One of them comes, goes on or leaves. */
  async step(rig: Rig): Promise<void> {
    const { values, trace } = this.#ports;
    const held = this.#watchers.filter((watcher) => watcher.isHeld);
    if (held.length > 0 && !values.seldom(3)) {
      trace.note("a watcher goes on");
      values.pick(held).resume();
    } else if (this.#watchers.length < watchersMax) {
      await this.#begin(rig);
    } else {
      trace.note("a watcher leaves");
      this.#watchers.shift()?.end();
    }
    await quiet();
    this.#judgeEnded(rig);
    this.#watchers = this.#watchers.filter(({ ended }) => !ended);
  }

  resumeAll(): void {
    for (const watcher of this.#watchers) watcher.resume();
  }

  /** Nothing is under way: whoever is left has seen everything. */
  assertComplete(rig: Rig): void {
    this.#judgeEnded(rig);
    for (const watcher of this.#watchers) watcher.assertComplete();
  }

  /** The store has ended in order, so they all have. */
  async assertEnded(rig: Rig): Promise<void> {
    for (const watcher of this.#watchers) {
      watcher.resume();
      await quiet();
      assert.ok(watcher.ended, "a watch ends with the store");
    }
    this.#judgeEnded(rig);
    this.#watchers = [];
  }

  /** The process is gone. */
  leave(): void {
    for (const watcher of this.#watchers) watcher.end();
    this.#watchers = [];
  }

  #judgeEnded(rig: Rig): void {
    for (const watcher of this.#watchers) {
      if (watcher.ended) assertRightlyEnded(watcher, rig, this.#ports.beside);
    }
  }

  async #begin(rig: Rig): Promise<void> {
    const { questions, beside, trace, tally } = this.#ports;
    const watcher = new Watcher(questions.watch(), beside);
    trace.note(`watch ${digestOf(watcher.watch)}`);
    this.#watchers.push(watcher);
    const note = (event: WatchEvent): void => {
      if (!this.#ports.isPresent(rig)) return;
      trace.note(`event ${digestOf(event)}`);
      beside.shown(event.header.namespace, event.header.revision);
      if (event.kind === "batches") tally.batches += event.batches.length;
      if (event.kind === "compacted") tally.compactedWatches++;
    };
    this.#ports.follow(watcher.run(rig.engine, note), rig);
    await quiet();
    const isRefused = watcher.refusedFor === undefined || watcher.ended;
    assert.ok(isRefused, `a watch is refused: ${String(watcher.refusedFor)}`);
  }
}
