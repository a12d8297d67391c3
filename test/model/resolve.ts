/**
 * What became of a call whose store went away. What was acknowledged must be there; of the rest the
 * head tells how far it came, because requests of one caller take effect in their order; and what has
 * an id is asked again, and must have had the effect of one request.
 */
import assert from "node:assert/strict";
import type { Namespace } from "../../src/storage/model.js";
import {
  type BulkCall,
  type Call,
  isMutation,
  type Mutation,
  type PipelineEntry,
} from "./calls.js";
import type { History } from "./history.js";
import type { Truth } from "./oracle.js";
import type { Port } from "./port.js";
import { same } from "./same.js";

export interface Waiting {
  readonly call: Call;
  /** What was answered before: per entry of a pipeline, per chunk of a load. */
  readonly answers: readonly unknown[];
}

export async function resolveCall(history: History, { call, answers }: Waiting): Promise<void> {
  if (call.rpc === "BulkLoad") return resolveLoad(history, call, answers);
  if (isMutation(call)) return resolveEntries(history, [{ entry: call, answer: undefined }]);
  if (call.rpc !== "Pipeline") return;
  const entries = call.entries.flatMap((list, at) => {
    const answered = answers[at] as readonly unknown[] | undefined;
    return list.map((entry, index) => ({ entry, answer: answered?.[index] }));
  });
  await resolveEntries(history, entries);
}

interface Asked {
  readonly entry: PipelineEntry;
  /** Undefined: it was not answered. */
  readonly answer: unknown;
}

async function resolveEntries(history: History, entries: readonly Asked[]): Promise<void> {
  const { oracle, port } = history;
  const heads = new Heads(port);
  const early: Mutation[] = [];
  const late: Mutation[] = [];
  for (const { entry, answer } of entries) {
    if (answer !== undefined) {
      history.compare(entry, { answer, hints: {}, operations: 1 }, "before");
      await heads.assertThere(entry.namespace, oracle.model.head(entry.namespace));
    } else if (isMutation(entry)) {
      const isEarly = await heads.isBehind(entry.namespace, oracle.model.head(entry.namespace));
      if (isEarly) oracle.answer(entry, port.nowMs());
      (isEarly ? early : late).push(entry);
    }
  }
  for (const namespace of new Set(entries.map(({ entry }) => entry.namespace))) {
    await heads.assertReached(namespace, oracle.model.head(namespace));
  }
  // An early one that was refused may go through now and move the head. A late one that had nothing
  // to do may have been remembered at this head or never been reached: asked first, it is the same.
  for (const entry of [...late, ...early]) {
    if (entry.requestId !== undefined) await history.call(entry);
  }
}

async function resolveLoad(
  history: History,
  call: BulkCall,
  answers: readonly unknown[],
): Promise<void> {
  const { oracle, port } = history;
  const { namespace } = call;
  const heads = new Heads(port);
  const truths: Truth[] = [];
  for (const [at, { requestId, puts }] of call.chunks.entries()) {
    const body = { compares: [], success: puts, failure: [] };
    const chunk: Mutation = {
      rpc: "BatchWrite",
      namespace,
      requestId,
      condition: undefined,
      body,
    };
    const head = oracle.model.head(namespace);
    if (at >= answers.length && !(await heads.isBehind(namespace, head))) break;
    truths.push(oracle.answer(chunk, port.nowMs()));
  }
  await heads.assertReached(namespace, oracle.model.head(namespace));
  const truth: Truth = { kind: "chunks", answers: truths };
  const expected = port.expected(call, truth, "before") as readonly unknown[];
  assert.ok(same(answers, expected.slice(0, answers.length)), "a chunk was acknowledged otherwise");
  history.operations += answers.length;
  const left = call.chunks.slice(answers.length).filter(({ requestId }) => requestId !== undefined);
  for (const chunk of left) await history.call({ ...call, chunks: [chunk] });
}

/** The heads after the store has come back, each asked for once. */
class Heads {
  readonly #port: Port;
  readonly #known = new Map<Namespace, bigint>();

  constructor(port: Port) {
    this.#port = port;
  }

  async isBehind(namespace: Namespace, head: bigint): Promise<boolean> {
    return head < (await this.#of(namespace));
  }

  async assertThere(namespace: Namespace, head: bigint): Promise<void> {
    const found = await this.#of(namespace);
    assert.ok(
      head <= found,
      `revision ${head} of ${namespace} was acknowledged, and ${found} is left`,
    );
  }

  async assertReached(namespace: Namespace, head: bigint): Promise<void> {
    const found = await this.#of(namespace);
    assert.equal(head, found, `the head of ${namespace} is not one that its requests lead to`);
  }

  async #of(namespace: Namespace): Promise<bigint> {
    const known = this.#known.get(namespace) ?? (await this.#port.head(namespace));
    this.#known.set(namespace, known);
    return known;
  }
}
