/**
 * A start that fails at any of its timers, from the first to the last: nothing of it stays behind in
 * the process, and the next try opens the store.
 */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type Cancel, type Clock, systemClock } from "../../src/foundation/clock.js";
import { type StartThread, startWorker } from "../../src/foundation/thread-link.js";
import { okOf, TempEngine } from "../support/temp-engine.js";

/** Counts what runs, and refuses one timer. */
class Counted implements Clock {
  readonly #clock = systemClock();
  readonly #running = new Set<object>();
  /** How many timers from now on are given. */
  left = Number.POSITIVE_INFINITY;

  get running(): number {
    return this.#running.size;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#start((ended) =>
      this.#clock.after(delayMs, () => {
        ended();
        run();
      }),
    );
  }

  every(periodMs: number, run: () => void): Cancel {
    return this.#start(() => this.#clock.every(periodMs, run));
  }

  #start(start: (ended: () => void) => Cancel): Cancel {
    if (this.left-- === 0) throw new Error("there is no timer left");
    const timer = {};
    this.#running.add(timer);
    const cancel = start(() => this.#running.delete(timer));
    return () => {
      this.#running.delete(timer);
      cancel();
    };
  }
}

/** Files below the directory that this process has open. */
function openFiles(directory: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = readlinkSync(join("/proc/self/fd", descriptor));
      return path.startsWith(directory) ? [path] : [];
    } catch {
      // The descriptor of the listing itself is gone by now.
      return [];
    }
  });
}

test("a start that fails halfway leaves nothing in the process, and the next one comes off", async (t) => {
  const clock = new Counted();
  let threads = 0;
  const startThread: StartThread = (thread) => {
    const started = startWorker(thread);
    threads++;
    started.on("exit", () => {
      threads--;
    });
    return started;
  };
  const temp = await TempEngine.open(t, { clock, startThread });
  okOf(await temp.put("key", "0"));
  let failures = 0;
  for (;;) {
    await temp.close();
    clock.left = failures;
    try {
      await temp.start({});
      break;
    } catch (cause) {
      assert.match(String(cause), /there is no timer left/);
    }
    clock.left = Number.POSITIVE_INFINITY;
    const where = `after failure ${String(failures)}`;
    assert.equal(clock.running, 0, where);
    assert.equal(threads, 0, where);
    assert.deepEqual(openFiles(dirname(temp.file)), [], where);
    await temp.start({});
    assert.equal(await temp.text("key"), String(failures), where);
    failures++;
    okOf(await temp.put("key", String(failures)));
  }
  clock.left = Number.POSITIVE_INFINITY;
  assert.ok(failures >= 4, String(failures));
});
