/** One life of an engine in a simulation: opened on a directory, driven message by message. */
import assert from "node:assert/strict";
import type { ToWriter } from "../../src/engine/commit/writer-protocol.js";
import { type EngineOptions, openEngine } from "../../src/engine/index.js";
import type { ToReader } from "../../src/engine/read/reader-protocol.js";
import type { Clock } from "../../src/foundation/clock.js";
import { Failpoints } from "../../src/foundation/failpoint.js";
import type { Random } from "../../src/foundation/random.js";
import { Metrics } from "../../src/observability/metrics.js";
import { silentLog } from "../../src/prove/states/engine-setup.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import type { Beside } from "./beside.js";
import { type Meddler, Network, type SimulatedThread } from "./network.js";
import { quiet } from "./quiet.js";
import { digestOf, type Trace } from "./trace.js";
import type { VirtualClock } from "./virtual-clock.js";

export interface RigSetup {
  readonly directory: string;
  readonly options: EngineOptions;
  readonly failpoints: string;
  readonly clock: VirtualClock;
  /** Of the engine and of its threads. */
  readonly random: Random;
  readonly meddler: Meddler;
  /** What the engine takes for its clock; the schedule moves `clock`. */
  readonly engineClock: Clock;
  readonly beside: Beside;
  readonly trace: Trace;
  /** Before a group reaches the writer. */
  onGroup(): void;
}

export class Rig {
  readonly network: Network;
  readonly setup: RigSetup;
  /** The engine asked the process to exit. */
  fatal: string | undefined;
  closing = false;
  /** A reader thread has died in this life. */
  readerDied = false;
  /** Another program has committed to the database. */
  foreignWrite = false;
  #engine: StorageEngine | undefined;
  #opening: Promise<void> | undefined;
  #refusal: Error | undefined;

  constructor(setup: RigSetup) {
    const { engineClock, random, meddler } = setup;
    this.setup = setup;
    this.network = new Network({ clock: engineClock, random, meddler });
  }

  get engine(): StorageEngine {
    assert.ok(this.#engine !== undefined, "the engine is open");
    return this.#engine;
  }

  get file(): string {
    return this.setup.options.file;
  }

  get hasOpened(): boolean {
    return this.#engine !== undefined;
  }

  /** Why it does not open. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** Begins to open; the messages of the start wait for the schedule like all others. */
  open(): void {
    const { options, random, failpoints, engineClock } = this.setup;
    this.#opening = openEngine(options, {
      clock: engineClock,
      random,
      failpoints: Failpoints.parse(failpoints),
      startThread: this.network.start,
      log: silentLog(),
      metrics: new Metrics(),
      onFatal: ({ reason }) => {
        this.fatal = reason;
      },
    }).then(
      (engine) => {
        this.#engine = engine;
      },
      (error: unknown) => {
        this.#refusal = error instanceof Error ? error : new Error(String(error));
      },
    );
  }

  /** Lets one message through, and waits until everything it sets off has come to rest. */
  async deliver(thread: SimulatedThread, direction: "to" | "from"): Promise<void> {
    const { trace } = this.setup;
    if (direction === "from") {
      const answer = thread.takeAnswer();
      const told = answer.kind === "message" ? masked(answer.message) : answer.kind;
      trace.note(`${thread.name} > main ${digestOf(told)}`);
      await quiet();
      return;
    }
    const [next] = thread.requests;
    const message = next?.message.message as { readonly kind: string };
    trace.note(`main > ${thread.name} ${message.kind} ${digestOf(message)}`);
    if (thread.name === "writer") await this.#toWriter(thread, message as ToWriter);
    else await this.#toReader(thread, message as ToReader);
  }

  /** The process is gone. Its connections are closed as far as they can be reached. */
  async bury(): Promise<void> {
    const { clock } = this.setup;
    let isClosed = this.#opening === undefined;
    const closed = (): void => {
      isClosed = true;
    };
    // A start that is under way comes to its end first.
    void this.#opening?.then(() => this.#engine?.close()).then(closed, closed);
    const isOver = (): boolean => isClosed;
    await this.#letGo(isOver);
    // Where somebody waits for an answer that will not come, the end of the thread is one.
    for (const thread of [...this.network.threads]) thread.die();
    await this.#letGo(isOver);
    clock.stop();
    await quiet();
  }

  /** Lets everything through, in no order that matters. */
  async #letGo(isOver: () => boolean): Promise<void> {
    const { clock } = this.setup;
    for (let turns = 0; !isOver() && turns < buryTurnsMax; turns++) {
      await quiet();
      const [first] = this.network.waiting;
      if (first !== undefined) {
        if (first.direction === "to") first.thread.takeRequest();
        else first.thread.takeAnswer();
      } else if (clock.nextDueMs !== undefined) clock.fire();
    }
  }

  async #toWriter(thread: SimulatedThread, message: ToWriter): Promise<void> {
    const { beside, clock, failpoints } = this.setup;
    const { posted } = this.network;
    if (message.kind === "commit-group") this.setup.onGroup();
    beside.writerTakes(message, clock.wallMs());
    posted.length = 0;
    const { call, message: sent } = thread.takeRequest();
    await quiet();
    const answer = posted.find((one) => one.type !== "event" && one.id === sent.id);
    const reply = answer?.type === "reply" ? answer.reply : undefined;
    if (this.foreignWrite) assertFailsClosed(message, reply);
    const isLatched = (reply as { readonly kind?: string } | undefined)?.kind === "latched";
    const reachedDisk = isLatched && isFirstFault(reply) && failpoints.startsWith("after-commit");
    beside.writerDid({ message, call }, reply, reachedDisk);
  }

  async #toReader(thread: SimulatedThread, message: ToReader): Promise<void> {
    const [next] = thread.requests;
    this.setup.beside.readerTakes(message, next?.call);
    thread.takeRequest();
    await quiet();
  }
}

const buryTurnsMax = 5_000;

/** Whatever writes begins with a look at who else has written. */
function assertFailsClosed(message: ToWriter, reply: unknown): void {
  const { kind } = message;
  // Without a reply it was refused before it began: the writer has latched already.
  if (!writes.has(kind) || reply === undefined) return;
  const { kind: answer, fault } = reply as { readonly kind?: string; readonly fault?: object };
  const isClosed = answer === "latched" || (kind === "checkpoint" && fault !== undefined);
  assert.ok(
    isClosed,
    `the writer does ${kind} though somebody else has written: ${String(answer)}`,
  );
}

/** A slice of purging may find nothing to do, and then it writes nothing. */
const writes = new Set<ToWriter["kind"]>([
  "commit-group",
  "checkpoint",
  "create-namespace",
  "update-namespace",
  "delete-namespace",
  "trim-slice",
  "vacuum-slice",
  "probe-write",
]);

/** What comes behind the fault was never tried. */
function isFirstFault(reply: unknown): boolean {
  const { fault } = reply as { readonly fault: { readonly outcomeUnknown: boolean } };
  return fault.outcomeUnknown;
}

/** Where in the code an error was thrown is no part of what happened. */
function masked(message: unknown): unknown {
  const { failure } = message as { readonly failure?: object };
  return failure === undefined
    ? message
    : { ...(message as object), failure: { ...failure, stack: 0 } };
}
