/**
 * A seed played: callers, watchers, time, faults, stops and kills, one step after the other, each the
 * choice of the seed. After every step the answers are the model's, and after every kill so is what
 * the files hold.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { EngineOptions } from "../../src/engine/index.js";
import { type Random, seededRandom } from "../../src/foundation/random.js";
import { isMutation } from "../model/calls.js";
import { Values } from "../model/values.js";
import { ask, type Identity, type SimulatedCall } from "./ask.js";
import { Audience } from "./audience.js";
import { Beside } from "./beside.js";
import { drawFault, drawOptions } from "./draws.js";
import { writeBeside } from "./foreign-write.js";
import { fileIn, Homes } from "./homes.js";
import { type Asking, judge, type Lane } from "./judge.js";
import { honest, type Meddler } from "./network.js";
import { emptyTally, type SimulationPlan } from "./plan.js";
import { firstCalls, namespaces, Questions } from "./questions.js";
import { quiet } from "./quiet.js";
import { Rig } from "./rig.js";
import { start } from "./start.js";
import { digestOf, Trace } from "./trace.js";
import { VirtualClock } from "./virtual-clock.js";

const startMs = 1_700_000_000_000;
const settleTurnsMax = 20_000;

export class Simulation {
  readonly tally = emptyTally();
  readonly trace: Trace;
  readonly #plan: SimulationPlan;
  readonly #values: Values;
  readonly #engineRandom: Random;
  readonly #homes: Homes;
  readonly #meddler: Meddler;
  readonly #beside = new Beside();
  readonly #questions: Questions;
  readonly #lanes: readonly Lane[];
  readonly #options: EngineOptions;
  readonly #audience: Audience;
  #clock = new VirtualClock(startMs);
  #rig: Rig;
  #identity: Identity = { epoch: 0n, storeId: "" };
  #calls = 0;
  #failure: Error | undefined;

  constructor(plan: SimulationPlan) {
    const random = seededRandom(plan.seed);
    this.#plan = plan;
    this.trace = new Trace({ keepsAll: plan.keepsTrace ?? false });
    this.#values = new Values(random);
    this.#engineRandom = seededRandom(random.uint32());
    const meddling = seededRandom(random.uint32());
    this.#meddler = plan.lie?.meddler?.(meddling) ?? honest;
    this.#questions = new Questions(
      new Values(seededRandom(random.uint32())),
      this.#beside.oracle.model,
    );
    this.#audience = new Audience({
      values: this.#values,
      questions: this.#questions,
      beside: this.#beside,
      trace: this.trace,
      tally: this.tally,
      isPresent: (rig) => rig === this.#rig,
      follow: (running, rig) => {
        this.#watch(running, rig);
      },
    });
    const lanes = 2 + random.below(6);
    this.#lanes = Array.from({ length: lanes }, (_none, number) => {
      return { number, again: [], asking: undefined };
    });
    this.#options = drawOptions(this.#values);
    this.#homes = new Homes(plan.directory);
    this.#rig = this.#newLife();
  }

  /** Throws the first difference. */
  async play(): Promise<void> {
    await this.#open();
    for (const call of firstCalls) await this.#askAlone(call);
    while (this.tally.steps < this.#plan.steps) {
      await this.#step();
      this.tally.steps++;
    }
    await this.#settle();
    await this.#compareAll();
    await this.#stop();
    this.tally.commits = this.#beside.commits;
    this.tally.expired = this.#beside.expired;
    this.tally.cuts = this.#beside.oldEnds.cuts;
  }

  /** After a difference: what is still open is closed as far as it can be. */
  async abandon(): Promise<void> {
    this.trace.mute(true);
    this.#audience.leave();
    await this.#rig.bury();
  }

  async #step(): Promise<void> {
    const { random } = this.#values;
    if (this.#rig.fatal !== undefined) return this.#kill("fatal");
    const dice = random.below(1_000);
    if (dice < 3) return this.#kill("killed");
    if (dice < 4) return this.#stop().then(() => this.#open());
    if (dice < 6) return this.#readerDies();
    if (dice < 7) return this.#somebodyWrites();
    if (dice < 30) {
      await this.#audience.step(this.#rig);
      this.#throwIfBroken();
      return;
    }
    if (dice < 40) return this.#callerLeaves();
    if (dice < 140) return this.#passTime();
    const { waiting } = this.#rig.network;
    const idle = this.#lanes.filter(({ asking }) => asking === undefined);
    if (waiting.length === 0 && idle.length === 0) return this.#passTime();
    const delivers = waiting.length > 0 && (idle.length === 0 || dice < 700);
    if (delivers) {
      const { thread, direction } = this.#values.pick(waiting);
      await this.#rig.deliver(thread, direction);
    } else {
      const lane = this.#values.pick(idle.length > 0 ? idle : this.#lanes);
      if (lane.asking === undefined) this.#begin(lane, this.#nextOf(lane));
      await quiet();
    }
    this.#throwIfBroken();
  }

  #nextOf(lane: Lane): SimulatedCall {
    return lane.again.shift() ?? this.#questions.next(this.#clock.wallMs());
  }

  #begin(lane: Lane, call: SimulatedCall): void {
    const rig = this.#rig;
    const { oracle } = this.#beside;
    const id = ++this.#calls;
    const nowMs = this.#clock.wallMs();
    const deadlineMs = this.#values.seldom(12) ? nowMs + 40 : Number.POSITIVE_INFINITY;
    const existed = "namespace" in call && oracle.model.namespaces.includes(call.namespace);
    const asking: Asking = { id, call, rig, deadlineMs, existed, cancelled: false };
    lane.asking = asking;
    this.trace.note(`call ${lane.number} ${call.rpc} ${digestOf(call)}`);
    this.#beside.begun(id, call);
    const now = this.#beside.decidedNow(call, nowMs);
    rig.network.calling = id;
    const limits = { deadlineMs, cancelled: () => asking.cancelled };
    const answered = ask(rig.engine, call, limits, this.#identity);
    rig.network.calling = undefined;
    const asksThread = rig.network.threads.some(({ requests }) =>
      requests.some((request) => request.call === id),
    );
    if (now !== undefined && !asksThread) this.#beside.decided(id, now);
    this.#watch(
      answered.then((answer) => {
        if (rig !== this.#rig) return;
        this.trace.note(`answer ${lane.number} ${digestOf(answer)}`);
        lane.asking = undefined;
        if (answer.kind === "refused") this.tally.refusals++;
        else this.tally.answers++;
        judge(asking, answer, this.#beside, this.#clock.wallMs());
        this.#beside.ended(id);
      }),
      rig,
    );
  }

  /** What goes wrong beside the steps is thrown at the end of the step in which it did. */
  #watch(running: Promise<void>, rig: Rig): void {
    running.catch((error: unknown) => {
      if (rig !== this.#rig) return;
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
  }

  #throwIfBroken(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #passTime(): Promise<void> {
    const byMs = this.#values.pick([1, 10, 10, 60, 60, 400, 400, 2_500, 2_500, 40_000]);
    const untilMs = this.#clock.wallMs() + byMs;
    this.trace.note(`time ${String(byMs)}`);
    for (;;) {
      const due = this.#clock.nextDueMs;
      if (due === undefined || due > untilMs || this.#rig.fatal !== undefined) break;
      await this.#fire();
    }
    this.#clock.move(Math.max(0, untilMs - this.#clock.wallMs()));
    await quiet();
    this.#throwIfBroken();
  }

  async #fire(): Promise<void> {
    this.#clock.fire();
    this.tally.timers++;
    await quiet();
  }

  async #callerLeaves(): Promise<void> {
    const asking = this.#lanes.flatMap((lane) => lane.asking ?? []);
    if (asking.length === 0) return;
    const one = this.#values.pick(asking);
    if (isMutation(one.call)) one.cancelled = true;
    this.trace.note(`cancelled ${String(one.id)}`);
    await quiet();
  }

  async #readerDies(): Promise<void> {
    const readers = this.#rig.network.threads.filter(({ name }) => name.startsWith("reader"));
    if (readers.length === 0) return;
    const reader = this.#values.pick(readers);
    this.trace.note(`${reader.name} dies`);
    this.#rig.readerDied = true;
    this.tally.readerDeaths++;
    reader.die();
    await quiet();
  }

  /** Another program writes to the database: the next write of the engine must fail closed. */
  async #somebodyWrites(): Promise<void> {
    const how = this.#values.pick(["commit", "commit", "checkpoint"] as const);
    const isHidden = this.#plan.lie?.hidesForeignWrites === true;
    const isWritten = isHidden || writeBeside(this.#rig.file, how);
    this.trace.note(`somebody else writes: ${how} ${String(isWritten)}`);
    if (!isWritten) return;
    this.tally.foreignWrites++;
    if (how === "commit") this.#rig.foreignWrite = true;
    await quiet();
  }

  /** The process ends in the middle of everything; the files are all that is left of it. */
  async #kill(why: string): Promise<void> {
    this.trace.note(why);
    this.tally.kills++;
    const { setup, fatal } = this.#rig;
    if (fatal?.startsWith("FOREIGN_WRITE") === true) {
      this.tally.foreignWritesMet++;
    } else if (why === "fatal") {
      assert.match(setup.failpoints, /IOERR/, `the engine gives up over nothing: ${fatal ?? ""}`);
      this.tally.faults++;
    }
    this.#homes.leave();
    await this.#bury();
    await this.#open();
    await this.#compareAll();
  }

  /** The files have been copied; what goes on in the old ones is of no interest. */
  async #bury(): Promise<void> {
    const old = this.#rig;
    for (const lane of this.#lanes) {
      const call = lane.asking?.call;
      if (call !== undefined && isMutation(call) && call.requestId !== undefined) {
        lane.again.push(call);
      }
      lane.asking = undefined;
    }
    this.#beside.lost();
    this.#clock = new VirtualClock(this.#clock.wallMs() + this.#values.random.below(3_000));
    this.#homes.move();
    this.#rig = this.#newLife();
    this.#audience.leave();
    this.trace.mute(true);
    await old.bury();
    this.trace.mute(false);
    rmSync(old.setup.directory, { recursive: true, force: true });
  }

  async #stop(): Promise<void> {
    this.trace.note("stop");
    this.tally.stops++;
    const rig = this.#rig;
    rig.closing = true;
    let isClosed = false;
    this.#watch(
      rig.engine.close().then(() => {
        isClosed = true;
      }),
      rig,
    );
    await this.#pumpUntil(() => isClosed || rig.fatal !== undefined, "the engine closes");
    if (rig.fatal !== undefined) return this.#kill("fatal").then(() => this.#stop());
    const waiting = this.#lanes.filter(({ asking }) => asking !== undefined);
    assert.equal(waiting.length, 0, "whoever waits is answered when the store ends");
    await this.#audience.assertEnded(this.#rig);
    this.#clock.stop();
    this.#clock = new VirtualClock(this.#clock.wallMs() + 1);
    this.#rig = this.#newLife();
  }

  /** Until a start comes through: some die on the way, and the next one finds what they have left. */
  async #open(): Promise<void> {
    while (!(await this.#opens())) await this.#bury();
    const { epoch, storeId } = this.#rig.engine.maintenance.status();
    assert.ok(epoch > this.#identity.epoch, "each life has a later epoch");
    if (this.#identity.storeId !== "") assert.equal(storeId, this.#identity.storeId);
    this.#identity = { epoch, storeId };
    this.#beside.opened();
  }

  /** False: this start has not come through, and its files have been copied. */
  async #opens(): Promise<boolean> {
    const rig = this.#rig;
    const copyFiles = (): void => {
      this.#homes.leave();
      if (this.#plan.lie?.losesWalAtStart !== true) return;
      rmSync(`${fileIn(this.#homes.next)}-wal`, { force: true });
    };
    const pumpUntil = (isSo: () => boolean): Promise<void> =>
      this.#pumpUntil(isSo, "the engine opens");
    const ended = await start(rig, { values: this.#values, copyFiles, pumpUntil });
    if (ended === "serves") return true;
    this.trace.note(`a start is ${ended}`);
    if (ended === "killed") this.tally.startsKilled++;
    else this.tally.startsFailed++;
    return false;
  }

  /** Lets messages through and timers run until it is so. */
  async #pumpUntil(isSo: () => boolean, what: string): Promise<void> {
    for (let turns = 0; turns < settleTurnsMax; turns++) {
      await quiet();
      this.#throwIfBroken();
      if (isSo()) return;
      const { waiting } = this.#rig.network;
      if (waiting.length > 0 && !this.#values.seldom(20)) {
        const { thread, direction } = this.#values.pick(waiting);
        await this.#rig.deliver(thread, direction);
      } else if (this.#clock.nextDueMs !== undefined) {
        await this.#fire();
      } else {
        assert.ok(waiting.length > 0, `${what}: nothing is under way`);
      }
    }
    assert.fail(`${what}: it never does`);
  }

  /** Everything that is under way comes to its end, and what has run out is taken away. */
  async #settle(): Promise<void> {
    if (this.#rig.fatal !== undefined) await this.#kill("fatal");
    const rig = this.#rig;
    const untilMs = this.#clock.wallMs() + 5_000;
    await this.#pumpUntil(() => {
      this.#audience.resumeAll();
      const asking = this.#lanes.some((lane) => lane.asking !== undefined);
      const isIdle = !asking && rig.network.waiting.length === 0;
      return rig.fatal !== undefined || (isIdle && this.#clock.wallMs() >= untilMs);
    }, "everything is answered");
    if (rig.fatal !== undefined) return this.#settle();
    this.#audience.assertComplete(this.#rig);
    const { model } = this.#beside.oracle;
    for (const namespace of namespaces) {
      const due = model.due(namespace, this.#clock.wallMs() - 2_500);
      assert.equal(due.length, 0, `what has run out of ${namespace} is taken away`);
    }
  }

  /** What the files hold is what the model holds. */
  async #compareAll(): Promise<void> {
    const range = { start: new Uint8Array(0), end: undefined };
    for (const namespace of namespaces) {
      if (this.#rig.fatal !== undefined) return;
      const read = { namespace, range, reverse: false, keysOnly: false, at: undefined };
      await this.#askAlone({ rpc: "Scan", ...read });
    }
  }

  async #askAlone(call: SimulatedCall): Promise<void> {
    const [lane] = this.#lanes;
    assert.ok(lane !== undefined && lane.asking === undefined, "nobody else asks");
    this.#begin(lane, call);
    await this.#pumpUntil(() => lane.asking === undefined, "a lonely call is answered");
  }

  #newLife(): Rig {
    const clock = this.#clock;
    const directory = this.#homes.present;
    return new Rig({
      directory,
      options: { ...this.#options, file: fileIn(directory) },
      failpoints: drawFault(this.#values),
      clock,
      engineClock: this.#plan.lie?.clock?.(clock) ?? clock,
      random: this.#engineRandom,
      meddler: this.#meddler,
      beside: this.#beside,
      trace: this.trace,
      onGroup: () => {
        if (this.#plan.lie?.forgetsLastGroup === true) this.#homes.keepStale();
      },
    });
  }
}
