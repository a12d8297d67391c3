/** The three ways to pace a load. Each resolves when the last answer is there, or rejects with the first failure. */
import { Worker } from "node:worker_threads";
import { Latencies } from "../measure/latency.js";
import { type CpuTime, cpuBetween, cpuTimeOf } from "../measure/process-cpu.js";
import type { Lane } from "./lane.js";
import type { LoadReport } from "./load-job.js";

/** Beats are never closer than this: several requests of one beat leave together. */
const beatMsMin = 0.25;
/** What a thread takes at most to start: the first beat is not before. */
const metronomeStartMs = 250;
/** Beats are this much behind their moment, so that what is due then counts as due whatever is rounded. */
const beatLagMs = 0.01;
const unansweredMax = 6_000;
const requestsPerWindowMin = 3;

export interface Paced {
  readonly lanes: readonly Lane[];
  readonly pid: number;
  readonly itemsPerRequest: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** The keys of the next request; undefined: there is none left. */
  next(): readonly number[] | undefined;
}

/** What was done between two moments, and what it cost the server and this process. */
class Window {
  readonly #paced: Paced;
  readonly latencies = new Latencies();
  #requests = 0;
  #beganMs: number | undefined;
  #endedMs = 0;
  #serverBefore: CpuTime | undefined;
  #serverAfter: CpuTime | undefined;
  #clientBefore: NodeJS.CpuUsage | undefined;
  #clientMicros = 0;

  constructor(paced: Paced) {
    this.#paced = paced;
  }

  get requests(): number {
    return this.#requests;
  }

  get isOpen(): boolean {
    return this.#beganMs !== undefined && this.#serverAfter === undefined;
  }

  open(): void {
    this.#serverBefore = cpuTimeOf(this.#paced.pid);
    this.#clientBefore = process.cpuUsage();
    this.#beganMs = performance.now();
  }

  answered(latencyMs: number): void {
    if (!this.isOpen) return;
    this.#requests += 1;
    this.latencies.addMs(latencyMs);
  }

  close(): void {
    this.#endedMs = performance.now();
    this.#serverAfter = cpuTimeOf(this.#paced.pid);
    const { user, system } = process.cpuUsage(this.#clientBefore);
    this.#clientMicros = user + system;
  }

  report(): LoadReport {
    if (this.#serverBefore === undefined || this.#serverAfter === undefined) {
      throw new Error("the load ended before it was measured");
    }
    return {
      requests: this.#requests,
      items: this.#requests * this.#paced.itemsPerRequest,
      seconds: (this.#endedMs - (this.#beganMs ?? 0)) / 1_000,
      latency: this.latencies.percentiles(),
      serverCpu: cpuBetween(this.#serverBefore, this.#serverAfter),
      clientCpuMicros: this.#clientMicros,
    };
  }
}

/** Ends when the time is over and a few answers have come in it: a scan may outlast a round. */
export function runClosed(paced: Paced, inFlight: number): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const window = new Window(paced);
    let running = 0;
    let overdue = false;
    let stopping = false;
    const closeWhenEnough = (): void => {
      if (!overdue || stopping || window.requests < requestsPerWindowMin) return;
      window.close();
      stopping = true;
    };
    const send = (lane: Lane): void => {
      const indices = stopping ? undefined : paced.next();
      if (indices === undefined) {
        if (running === 0) resolve(window.report());
        return;
      }
      running += 1;
      const sentMs = performance.now();
      lane.ask(indices, (failure) => {
        running -= 1;
        window.answered(performance.now() - sentMs);
        closeWhenEnough();
        if (failure === undefined) send(lane);
        else reject(new Error(failure));
      });
    };
    setTimeout(() => {
      window.open();
    }, paced.warmupSeconds * 1_000);
    setTimeout(
      () => {
        overdue = true;
        closeWhenEnough();
      },
      (paced.warmupSeconds + paced.seconds) * 1_000,
    );
    for (let sent = 0; sent < inFlight; sent += 1) for (const lane of paced.lanes) send(lane);
  });
}

/** The whole of what `next` gives, without a warm-up: for work whose cost is in being the first. */
export function runOnce(paced: Paced, inFlight: number): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const window = new Window(paced);
    let running = 0;
    const send = (lane: Lane): void => {
      const indices = paced.next();
      if (indices === undefined) {
        if (running > 0 || !window.isOpen) return;
        window.close();
        resolve(window.report());
        return;
      }
      running += 1;
      const sentMs = performance.now();
      lane.ask(indices, (failure) => {
        running -= 1;
        window.answered(performance.now() - sentMs);
        if (failure === undefined) send(lane);
        else reject(new Error(failure));
      });
    };
    window.open();
    for (let sent = 0; sent < inFlight; sent += 1) for (const lane of paced.lanes) send(lane);
  });
}

export async function runOpen(paced: Paced, requestsPerSecond: number): Promise<LoadReport> {
  const window = new Window(paced);
  const beginMs = firstBeatMs();
  const openMs = beginMs + paced.warmupSeconds * 1_000;
  const endMs = openMs + paced.seconds * 1_000;
  const intervalMs = 1_000 / requestsPerSecond;
  let sent = 0;
  let unanswered = 0;
  await beating({ beginMs, intervalMs }, (end) => {
    const nowMs = performance.now();
    if (!window.isOpen && nowMs >= openMs) window.open();
    for (let dueMs = beginMs + sent * intervalMs; dueMs <= nowMs && dueMs < endMs; ) {
      const lane = paced.lanes[sent % paced.lanes.length] as Lane;
      sent += 1;
      unanswered += 1;
      const countedFromMs = dueMs;
      lane.ask(paced.next() ?? [], (failure) => {
        unanswered -= 1;
        if (countedFromMs >= openMs) window.answered(performance.now() - countedFromMs);
        if (failure !== undefined) end(new Error(failure));
      });
      dueMs = beginMs + sent * intervalMs;
    }
    if (unanswered > unansweredMax) {
      end(new Error(`the server does not keep up with ${String(requestsPerSecond)} per second`));
    }
    if (nowMs >= endMs && unanswered === 0) end(undefined);
  });
  window.close();
  return window.report();
}

/** The soonest that a metronome can begin. */
export function firstBeatMs(): number {
  return performance.now() + metronomeStartMs;
}

/**
 * Calls `beat` at `beginMs` and after every interval from then on, until it ends. Beats fall on the
 * moments at which requests are due: out of step with them, every request would be late by a part
 * of the interval, and that would be measured as the server's.
 */
export async function beating(
  metre: { readonly beginMs: number; readonly intervalMs: number },
  beat: (end: (error: Error | undefined) => void) => void,
): Promise<void> {
  const flag = new SharedArrayBuffer(4);
  const metronome = new Worker(new URL("./metronome-thread.js", import.meta.url), {
    workerData: {
      firstAt: performance.timeOrigin + metre.beginMs + beatLagMs,
      intervalMs: Math.max(beatMsMin, metre.intervalMs),
      flag,
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const end = (error: Error | undefined): void => {
        if (error === undefined) resolve();
        else reject(error);
      };
      metronome.once("error", reject);
      metronome.on("message", () => {
        beat(end);
      });
    });
  } finally {
    Atomics.store(new Int32Array(flag), 0, 1);
    Atomics.notify(new Int32Array(flag), 0);
    await metronome.terminate();
  }
}
