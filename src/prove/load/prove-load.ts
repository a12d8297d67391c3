/**
 * Load whose every write can be found again: in what enters and leaves the daemon's sockets, by its
 * request id, and in the history, by the revision that its answer names. A write that got no answer
 * is sent again after the restart, under its old id, and then has one.
 */
import type { KvClient } from "../../client/index.js";
import { KvError } from "../../client/index.js";
import type { Random } from "../../foundation/random.js";
import { makeWrite, type Write } from "./write-kinds.js";

export interface LoadOptions {
  readonly random: Random;
  readonly namespaces: readonly string[];
  readonly callers: number;
}

interface SentWrite {
  readonly namespace: string;
  readonly write: Write;
}

export interface AnsweredWrite {
  readonly namespace: string;
  /** Where its namespace stood when it was done. */
  readonly revision: number;
  readonly leavesItsId: boolean;
  readonly increments: number;
}

const idDigits = 8;

export class ProveLoad {
  readonly #options: LoadOptions;
  readonly #unanswered = new Map<string, SentWrite>();
  readonly #answered = new Map<string, AnsweredWrite>();
  #sent = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** By their request ids. */
  get answered(): ReadonlyMap<string, AnsweredWrite> {
    return this.#answered;
  }

  /** No more writes are begun. */
  stop(): void {
    this.#stopped = true;
  }

  /** So many writes by all callers together; fewer when the daemon goes away meanwhile. */
  async run(client: KvClient, writes: number, namespace?: string): Promise<void> {
    this.#stopped = false;
    let left = writes;
    const call = async (): Promise<void> => {
      while (left-- > 0 && !this.#stopped) {
        const requestId = `op-${String(this.#sent++).padStart(idDigits, "0")}`;
        if (!(await this.#send(client, requestId, this.#make(requestId, namespace)))) return;
      }
    };
    await Promise.all(Array.from({ length: this.#options.callers }, call));
  }

  /** Sends again what has no answer yet, one after the other. */
  async settle(client: KvClient): Promise<void> {
    for (const [requestId, sent] of [...this.#unanswered]) {
      await this.#send(client, requestId, sent);
    }
  }

  #make(requestId: string, only: string | undefined): SentWrite {
    const { random, namespaces } = this.#options;
    const namespace = only ?? namespaces[random.below(namespaces.length)] ?? "default";
    return { namespace, write: makeWrite({ namespace, requestId, random }) };
  }

  /** False when there was no answer: the daemon is gone, and so is this caller. */
  async #send(client: KvClient, requestId: string, sent: SentWrite): Promise<boolean> {
    this.#unanswered.set(requestId, sent);
    try {
      const { leavesItsId, increments } = sent.write;
      const header = await sent.write.send(client);
      this.#unanswered.delete(requestId);
      const revision = Number(header?.revision ?? 0n);
      const { namespace } = sent;
      this.#answered.set(requestId, { namespace, revision, leavesItsId, increments });
      return true;
    } catch (cause) {
      // The only refusal this load can meet is a daemon that is going away.
      if (cause instanceof KvError && cause.status === "UNAVAILABLE") return false;
      if (cause instanceof KvError && cause.mayHaveHappened) return false;
      throw cause;
    }
  }
}

/** The first id in a request or a value; undefined: there is none of the load's. */
export function requestIdIn(request: Buffer): string | undefined {
  return /op-\d{8}/.exec(request.toString("latin1"))?.[0];
}
