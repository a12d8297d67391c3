/**
 * The daemon asked over one pipeline. Questions that are asked in one turn of the event loop travel
 * as one list, which costs a fraction of as many calls. There are no deadlines on this way. When the
 * stream breaks, nobody knows what became of the questions that were on their way.
 */
import { PipelineRequest, type PipelineResponse } from "../../src/wire/kvdb/v1/kv.js";
import { type ContractClient, readStatus } from "../contract/client.js";
import type { Question } from "./questions.js";
import type { Reply, Store } from "./store.js";
import { answerOf, operationOf, replyToRefusal, type WireResult } from "./wire-questions.js";

interface Waiting {
  readonly question: Question;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: unknown) => void;
}

export class PipelineStore implements Store {
  readonly #stream: ReturnType<ContractClient["kv"]["pipeline"]>;
  /** Lists without an answer, by the id of their entry. */
  readonly #sent = new Map<bigint, readonly Waiting[]>();
  #next: Waiting[] = [];
  #entries = 0n;
  #broken = false;

  constructor(client: ContractClient) {
    this.#stream = client.kv.pipeline();
    this.#stream.on("data", (response: PipelineResponse) => {
      this.#answer(response);
    });
    // "error" comes with whatever ends the stream early; the questions are open either way.
    this.#stream.on("error", () => {
      this.#break();
    });
    this.#stream.on("end", () => {
      this.#break();
    });
  }

  ask(question: Question, deadlineMs: number): Promise<Reply> {
    if (deadlineMs !== Infinity) throw new Error("a pipeline has no deadlines");
    if (this.#broken) return Promise.resolve({ kind: "gone" });
    return new Promise((resolve, reject) => {
      if (this.#next.length === 0) {
        setImmediate(() => {
          this.#send();
        });
      }
      this.#next.push({ question, resolve, reject });
    });
  }

  #send(): void {
    const waiting = this.#next;
    this.#next = [];
    if (this.#broken) {
      for (const { resolve } of waiting) resolve({ kind: "gone" });
      return;
    }
    const id = ++this.#entries;
    this.#sent.set(id, waiting);
    const operations = waiting.map(({ question }) => ({ operation: operationOf(question) }));
    this.#stream.write(
      PipelineRequest.fromPartial({
        id,
        operation: { $case: "operations", value: { operations } },
      }),
    );
  }

  #answer({ id, result }: PipelineResponse): void {
    const waiting = this.#sent.get(id) ?? [];
    this.#sent.delete(id);
    for (const [at, { question, resolve, reject }] of waiting.entries()) {
      const each = result?.$case === "results" ? result.value.results[at]?.result : result;
      try {
        resolve(replyTo(question, each));
      } catch (error) {
        reject(error);
      }
    }
  }

  #break(): void {
    this.#broken = true;
    for (const { resolve } of [...this.#sent.values()].flat()) resolve({ kind: "gone" });
    this.#sent.clear();
  }
}

function replyTo(question: Question, result: WireResult | undefined): Reply {
  if (result === undefined) throw new Error("an answer is missing from the list");
  if (result.$case !== "status") return { kind: "answered", answer: answerOf(question, result) };
  const reply = replyToRefusal(question, readStatus(result.value));
  if (reply === undefined) throw new Error(`refused: ${result.value.message}`);
  return reply;
}
