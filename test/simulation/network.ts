/**
 * The threads of an engine in one thread: each body runs here, and every message in either direction
 * waits in a queue until the schedule lets it through. Messages of one link and one direction keep
 * their order; which link comes next is for others to say. Nothing is shared: what is posted is cloned
 * as for a thread, and what is transferred is empty afterwards.
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import type { Transferable } from "node:worker_threads";
import { serveWriter } from "../../src/engine/commit/writer-body.js";
import { serveScrubber } from "../../src/engine/integrity/scrub-body.js";
import type { ScrubStart } from "../../src/engine/integrity/scrub-protocol.js";
import { serveReader } from "../../src/engine/read/reader-body.js";
import type { ReaderStart } from "../../src/engine/read/reader-protocol.js";
import type { BodyPorts } from "../../src/engine/thread-body.js";
import type { Clock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import type { FromThread, HostPort, ToThread } from "../../src/foundation/thread-host.js";
import type { RunningThread, StartThread, ThreadStart } from "../../src/foundation/thread-link.js";

/** What stands behind each thread file. */
const bodies: Readonly<Record<string, (start: unknown, ports: BodyPorts) => void>> = {
  "writer-thread.js": (_start, ports) => {
    serveWriter(ports);
  },
  "reader-thread.js": (start, ports) => {
    serveReader(start as ReaderStart, ports);
  },
  "scrub-thread.js": (start, ports) => {
    serveScrubber(start as ScrubStart, ports);
  },
};

export interface Request {
  readonly message: ToThread;
  /** Who was asking when it was posted. */
  readonly call: number | undefined;
}

export type Answer =
  | { readonly kind: "message"; readonly message: FromThread }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "exit"; readonly code: number };

/** Stands between a link and its thread, and may do what no thread does. */
export interface Meddler {
  /** What the thread is given instead of what was sent to it. */
  toThread(thread: string, sent: ToThread): readonly ToThread[];
  /** What the main thread is given instead of what the thread sent. */
  toMain(thread: string, sent: FromThread): readonly FromThread[];
}

export const honest: Meddler = {
  toThread: (_thread, sent) => [sent],
  toMain: (_thread, sent) => [sent],
};

export interface NetworkPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly meddler: Meddler;
}

type Listener = (value: never) => void;

export class SimulatedThread implements RunningThread {
  readonly name: string;
  readonly requests: Request[] = [];
  readonly answers: Answer[] = [];
  readonly #start: ThreadStart;
  readonly #network: Network;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;
  #handle: ((message: ToThread) => void) | undefined;
  #ending = false;

  constructor(start: ThreadStart, network: Network) {
    this.name = start.name;
    this.#start = { ...start, workerData: structuredClone(start.workerData) };
    this.#network = network;
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  postMessage(message: ToThread, transfer: readonly Transferable[]): void {
    const cloned = structuredClone(message, { transfer: [...transfer] as ArrayBuffer[] });
    if (!this.#ending) this.requests.push({ message: cloned, call: this.#network.calling });
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  terminate(): Promise<void> {
    this.#end(1);
    return this.#ended;
  }

  /** The thread ends by itself; its connections are closed, as those of a thread are. */
  die(): void {
    this.#give({ id: 0, message: { kind: "close" } });
    this.#end(1);
  }

  /** Gives the body its next message. */
  takeRequest(): Request {
    const request = this.requests.shift();
    assert.ok(request !== undefined, "a message waits");
    for (const message of this.#network.ports.meddler.toThread(this.name, request.message)) {
      this.#give(message);
    }
    return request;
  }

  /** Gives the main thread the next answer. */
  takeAnswer(): Answer {
    const answer = this.answers.shift();
    assert.ok(answer !== undefined, "an answer waits");
    if (answer.kind === "message") this.#emit("message", answer.message);
    if (answer.kind === "error") this.#emit("error", answer.error);
    if (answer.kind === "exit") {
      this.#network.forget(this);
      this.#emit("exit", answer.code);
      this.#resolveEnded();
    }
    return answer;
  }

  #give(message: ToThread): void {
    try {
      this.#handle ??= this.#begin();
      this.#handle(message);
    } catch (error) {
      this.#crash(error);
    }
  }

  #begin(): (message: ToThread) => void {
    let handle: ((message: ToThread) => void) | undefined;
    const port: HostPort = {
      onMessage: (listener) => {
        handle = listener;
      },
      postMessage: (message, transfer) => {
        this.#post(structuredClone(message, { transfer: [...transfer] as ArrayBuffer[] }));
      },
      onLaterTurn: (run) => {
        setImmediate(() => {
          try {
            run();
          } catch (error) {
            this.#crash(error);
          }
        });
      },
      close: () => {
        this.#end(0);
      },
    };
    const serve = bodies[basename(this.#start.entry.pathname)];
    assert.ok(serve !== undefined, `a body stands behind ${this.#start.entry.pathname}`);
    const { clock, random } = this.#network.ports;
    serve(this.#start.workerData, { port, clock, random });
    assert.ok(handle !== undefined, "a body listens");
    return handle;
  }

  #post(message: FromThread): void {
    if (this.#ending) return;
    this.#network.posted.push(message);
    for (const given of this.#network.ports.meddler.toMain(this.name, message)) {
      this.answers.push({ kind: "message", message: given });
    }
  }

  #crash(error: unknown): void {
    if (this.#ending) return;
    this.answers.push({ kind: "error", error });
    this.#end(1);
  }

  #end(code: number): void {
    if (this.#ending) return;
    this.#ending = true;
    this.requests.length = 0;
    this.answers.push({ kind: "exit", code });
  }

  #emit(event: string, value: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
  }
}

export class Network {
  readonly ports: NetworkPorts;
  readonly #threads: SimulatedThread[] = [];
  /** Who asks right now: a message that is posted belongs to it. */
  calling: number | undefined;
  /** What threads have posted since this was emptied, before anybody meddled with it. */
  readonly posted: FromThread[] = [];

  constructor(ports: NetworkPorts) {
    this.ports = ports;
  }

  readonly start: StartThread = (start) => {
    const thread = new SimulatedThread(start, this);
    this.#threads.push(thread);
    return thread;
  };

  forget(thread: SimulatedThread): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1);
  }

  /** Threads that live, in the order in which they were started. */
  get threads(): readonly SimulatedThread[] {
    return this.#threads;
  }

  /** Every place where a message could be let through now. */
  get waiting(): readonly {
    readonly thread: SimulatedThread;
    readonly direction: "to" | "from";
  }[] {
    return this.#threads.flatMap((thread) => [
      ...(thread.requests.length > 0 ? [{ thread, direction: "to" } as const] : []),
      ...(thread.answers.length > 0 ? [{ thread, direction: "from" } as const] : []),
    ]);
  }
}
