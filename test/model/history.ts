/** One store beside the model: each step is put to both, and the first difference is an error. */
import assert from "node:assert/strict";
import type { Key, Namespace } from "../../src/storage/model.js";
import { canonical } from "../support/canonical.js";
import { ModelRefusal } from "../support/model-attempt.js";
import { waitFor } from "../support/wait.js";
import type { Call, WatchCall } from "./calls.js";
import { Oracle, type Truth } from "./oracle.js";
import type { Port, Seen } from "./port.js";
import { same } from "./same.js";

export type Step =
  | { readonly kind: "call"; readonly call: Call }
  | { readonly kind: "restart"; readonly way: "stop" | "kill" }
  | { readonly kind: "time"; readonly ms: number; readonly mortal: readonly Namespace[] };

export class History {
  readonly port: Port;
  readonly oracle = new Oracle();
  /** Every step that was begun, in this order. */
  readonly steps: Step[] = [];
  operations = 0;
  restarts = 0;

  constructor(port: Port) {
    this.port = port;
  }

  /** Throws AssertionError at the first answer that is not the model's. */
  async take(step: Step): Promise<Truth | undefined> {
    switch (step.kind) {
      case "call":
        return this.call(step.call);
      case "restart":
        await this.restart(step.way);
        return undefined;
      case "time":
        await this.passTime(step.ms, step.mortal);
        return undefined;
    }
  }

  /** Undefined: it could not be put. Rejects with Broken when the store goes away. */
  async call(call: Call): Promise<Truth | undefined> {
    this.steps.push({ kind: "call", call });
    const seen = await this.port.perform(call, this.#throughOf(call));
    return seen === undefined ? undefined : this.compare(call, seen);
  }

  compare(call: Call, seen: Seen, when: "now" | "before" = "now"): Truth {
    this.operations += seen.operations;
    const truth = this.oracle.answer(call, this.port.nowMs(), seen.hints);
    const expected = this.port.expected(call, truth, when);
    if (!same(seen.answer, expected)) throw difference(call, seen.answer, expected);
    return truth;
  }

  async restart(way: "stop" | "kill"): Promise<void> {
    this.steps.push({ kind: "restart", way });
    await this.port.restart(way);
    this.oracle.restarted();
    this.restarts++;
  }

  /** What has run out is gone afterwards; which revisions took it away is read from the log. */
  async passTime(ms: number, mortal: readonly Namespace[]): Promise<void> {
    this.steps.push({ kind: "time", ms, mortal });
    await this.port.passTime(ms);
    const nowMs = this.port.nowMs();
    for (const namespace of mortal) {
      const { model } = this.oracle;
      if (!model.namespaces.includes(namespace)) continue;
      const due = model.due(namespace, nowMs);
      const left = model.namespace(namespace).keys - due.length;
      await waitFor(`the sweeper of ${namespace}`, async () => {
        return (await this.port.keys(namespace)) === left ? true : undefined;
      });
      const revisions = due.length === 0 ? [] : await this.#expired(namespace);
      model.expire(namespace, nowMs, revisions);
      const head = await this.port.head(namespace);
      assert.equal(head, this.oracle.model.head(namespace), `the head of ${namespace}`);
    }
  }

  /** The keys that each revision took away, as the log of the store has it. */
  async #expired(namespace: Namespace): Promise<Key[][]> {
    const watch: WatchCall = {
      rpc: "Watch",
      namespace,
      range: { start: new Uint8Array(0), end: undefined },
      from: this.oracle.model.head(namespace) + 1n,
      ...{ puts: true, deletions: true, keysOnly: false, previous: false, store: "unsaid" },
    };
    const seen = await this.port.perform(watch, await this.port.head(namespace));
    return this.port.deletedKeys(seen?.answer);
  }

  #throughOf(call: Call): bigint | undefined {
    if (call.rpc !== "Watch") return 0n;
    const truth = this.oracle.answer(call, this.port.nowMs());
    return truth.kind === "watched" ? (truth.batches.at(-1)?.revision ?? 0n) : undefined;
  }
}

function difference(call: Call, answer: unknown, expected: unknown): assert.AssertionError {
  const [actual, wanted, asked] = differing(answer, expected, callParts(call));
  return new assert.AssertionError({
    message: `${call.rpc} is answered with\n  ${shortened(actual)}\nand the model says\n  ${shortened(wanted)}\nfor ${shortened(asked)}`,
    actual: canonical(actual),
    expected: canonical(wanted),
    operator: "same",
  });
}

/** What of the call belongs to each of its answers. */
function callParts(call: Call): unknown {
  return call.rpc === "Pipeline" ? call.entries : call;
}

/** Of a list of answers the first that differs; everything before it was as it should be. */
function differing(
  answer: unknown,
  expected: unknown,
  asked: unknown,
): readonly [unknown, unknown, unknown] {
  const [mine, theirs] = [listOf(answer), listOf(expected)];
  if (mine === undefined || theirs === undefined || mine.length !== theirs.length) {
    return [answer, expected, asked];
  }
  const at = mine.findIndex((item, index) => !same(item, theirs[index]));
  if (at < 0) return [answer, expected, asked];
  return differing(mine[at], theirs[at], Array.isArray(asked) ? (asked[at] as unknown) : asked);
}

function listOf(answer: unknown): readonly unknown[] | undefined {
  if (Array.isArray(answer)) return answer as readonly unknown[];
  const { answers } = (answer ?? {}) as { readonly answers?: readonly unknown[] };
  return answers;
}

const shownCharactersMax = 2_000;

function shortened(value: unknown): string {
  const text = canonical(value);
  return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax)} …`;
}

export function isDifference(error: unknown): error is assert.AssertionError {
  return error instanceof assert.AssertionError || error instanceof ModelRefusal;
}
